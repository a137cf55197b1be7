"""Operations on one run of a product, or on every run in a range of business dates that its status allows."""

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import (
    add_application,
    add_cycle,
    add_date,
    add_until,
    add_yes,
    check_range,
    product_name,
)
from headgate.cli.errors import FINDINGS, FINE, RefusedError
from headgate.cli.formatting import Entry, few, named_run, plural
from headgate.cli.operate import confirm, operate
from headgate.cli.progress import Progress

MANY = 10  # more runs than these are changed after a question only
ENDED = ("COMPLETED", "ERROR", "SKIPPED", "CANCELLED")
ALLOWED: dict[str, Callable[[Entry], bool]] = {
    "skip": lambda run: run["status"] == "WAITING" and "released_at" not in run,
    "rerun": lambda run: run["status"] in ENDED,
    "hold": lambda run: run["status"] == "WAITING" and "released_at" not in run and "held" not in run,
    "release": lambda run: run["status"] == "WAITING" and "held" in run,
}
DONE = {"skip": "skipped", "rerun": "run again", "hold": "held", "release": "released from their hold"}


def add_operation(parser: argparse.ArgumentParser, default_date: str) -> None:
    """The arguments of an operation on runs; `default_date` explains what it does without `--date`."""
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default=default_date)
    add_until(parser)
    add_cycle(parser)
    add_yes(parser)
    add_application(parser)


def operate_on_runs(
    arguments: argparse.Namespace, action: str, described: Callable[[Any], Iterable[str]], **about: bool
) -> int:
    """Operates on one run, or on the range that `--until` ends; prints the result of one run as `described`, or as JSON."""
    check_range(arguments, needs_date=True)
    if arguments.until:
        return _operate_on_range(arguments, action, **about)
    named = {"product": arguments.product, "business_date": arguments.date, "cycle": arguments.cycle}
    result = operate(arguments, action, **named, **about)
    if arguments.json:
        terminal.print_json(result)
    else:
        for text in described(result):
            terminal.line(text)
    return FINE


def _operate_on_range(arguments: argparse.Namespace, action: str, **about: bool) -> int:
    """Changes run after run, each in a transaction of its own; what another user changed meanwhile is reported. Raises `RefusedError` if the
    action fits no run of the range, and `UsageError`."""
    dates = f"{arguments.product} from {arguments.date} to {arguments.until}"
    answer = inquire(
        arguments, "runs", product=arguments.product, business_date=arguments.date, until=arguments.until, cycle=arguments.cycle
    )  # fmt: skip
    fit = [run for run in answer["runs"] if ALLOWED[action](run)]
    others = _states([run for run in answer["runs"] if not ALLOWED[action](run)])
    if not fit:
        archived = "; those that were archived cannot be run again" if answer.get("archived") else ""
        raise RefusedError(f"no run of {dates} can be {DONE[action]}: {others or 'there is none'}{archived}")
    if len(fit) > MANY:
        stay = f"; {others} and not changed" if others else ""
        confirm(arguments, f"{plural(len(fit), 'run')} would be {DONE[action]}: {few(_names(fit))}{stay}.")
    changed, refused = [], []
    with Progress(arguments.json) as progress:
        for number, run in enumerate(fit):
            progress("runs", number, len(fit))
            one = {"product": arguments.product, "business_date": run["business_date"], "cycle": run["cycle"]}
            try:
                operate(arguments, action, **one, **about)
                changed.append(run)
            except RefusedError as error:
                refused.append({**one, "error": str(error)})
    if arguments.json:
        terminal.print_json({"changed": changed, "refused": refused})
    else:
        terminal.line(f"{plural(len(changed), 'run')} of {dates} {DONE[action]}: {few(_names(changed))}")
        if others:
            terminal.line(f"Not changed: {others}.")
        for each in refused:
            terminal.line(f"Refused: {named_run(each)}: {each['error']}")
    return FINDINGS if refused else FINE


def _names(runs: list[Entry]) -> list[str]:
    return [named_run(run) for run in runs]


def _states(runs: list[Entry]) -> str:
    """`2 are COMPLETED, 1 is WAITING (held)`"""
    found: dict[str, int] = {}
    for run in runs:
        note = (
            " (held)" if "held" in run else " (released)" if run["status"] == "WAITING" and "released_at" in run else ""
        )
        found[run["status"] + note] = found.get(run["status"] + note, 0) + 1
    return ", ".join(f"{count:,} {'is' if count == 1 else 'are'} {state}" for state, count in sorted(found.items()))
