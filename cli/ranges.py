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
    add_preview,
    add_until,
    add_yes,
    check_range,
    product_name,
)
from headgate.cli.errors import FINDINGS, FINE, RefusedError, UsageError
from headgate.cli.formatting import Entry, few, named_run, plural
from headgate.cli.operate import confirm, operate
from headgate.cli.preview import print_preview
from headgate.cli.progress import Progress

MANY = 10  # more runs than these are changed after a question only
ENDED = ("COMPLETED", "ERROR", "SKIPPED", "CANCELLED")
ALLOWED: dict[str, Callable[[Entry], bool]] = {
    "skip": lambda run: run["status"] == "WAITING" and "released_at" not in run,
    "cancel": lambda run: run["status"] in ("WAITING", "PROCESSING"),
    "rerun": lambda run: run["status"] in ENDED,
    "hold": lambda run: run["status"] == "WAITING" and "released_at" not in run and "held" not in run,
    "release": lambda run: run["status"] == "WAITING" and "held" in run,
}
DONE = {
    "skip": "skipped",
    "cancel": "cancelled",
    "rerun": "run again",
    "hold": "held",
    "release": "released from their hold",
}


def add_operation(parser: argparse.ArgumentParser, default_date: str) -> None:
    """The arguments of an operation on runs; `default_date` explains what it does without `--date`."""
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default=default_date)
    add_until(parser)
    add_cycle(parser)
    add_yes(parser)
    add_preview(parser)
    add_application(parser)


def operate_on_runs(
    arguments: argparse.Namespace, action: str, described: Callable[[Any], Iterable[str]], **about: bool | str | None
) -> int:
    """Operates on one run, or on the range that `--until` ends; prints the result of one run as `described`, or as JSON. With `--dry-run` it prints
    the preview instead."""
    check_range(arguments, needs_date=True)
    if arguments.until and arguments.expect:
        raise UsageError("--expect is for one run; a range changes each of its runs by itself")
    if arguments.until:
        return _operate_on_range(arguments, action, **about)
    return operate_on_run(arguments, action, described, **about)


def operate_on_run(
    arguments: argparse.Namespace, action: str, described: Callable[[Any], Iterable[str]], **about: bool | str | None
) -> int:
    """Operates on one run."""
    named = {"product": arguments.product, "business_date": arguments.date, "cycle": arguments.cycle}
    result = operate(arguments, action, **named, **about, preview=arguments.dry_run or None, expect=arguments.expect)
    if arguments.json:
        terminal.print_json(result)
    elif arguments.dry_run:
        print_preview(action, [result])
    else:
        for text in described(result):
            terminal.line(text)
    return FINE


def _operate_on_range(arguments: argparse.Namespace, action: str, **about: bool | str | None) -> int:
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
    if arguments.dry_run:
        return _preview_range(arguments, action, fit, **about)
    if len(fit) > MANY:
        stay = f"; {others} and not changed" if others else ""
        confirm(arguments, f"{plural(len(fit), 'run')} would be {DONE[action]}: {few(_names(fit))}{stay}.")
    changed, refused = [], []
    with Progress(arguments.json) as progress:
        for number, run in enumerate(fit):
            progress("runs", number, len(fit))
            one = _one(arguments, run)
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


def _preview_range(arguments: argparse.Namespace, action: str, fit: list[Entry], **about: bool | str | None) -> int:
    """The preview of each run by itself, as each is changed by itself."""
    with Progress(arguments.json) as progress:
        previews = []
        for number, run in enumerate(fit):
            progress("runs", number, len(fit))
            previews.append(operate(arguments, action, **_one(arguments, run), **about, preview=True))
    if arguments.json:
        terminal.print_json({"previews": previews})
    else:
        print_preview(action, previews)
    return FINE


def _one(arguments: argparse.Namespace, run: Entry) -> dict[str, str]:
    return {"product": arguments.product, "business_date": run["business_date"], "cycle": run["cycle"]}


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
