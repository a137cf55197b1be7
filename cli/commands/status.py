"""`headgate status`: every product of a business date, what needs attention first."""

import argparse
import sys
import time
from datetime import datetime

from headgate.cli import shadow_report, status_rows, terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_date
from headgate.cli.attention import ORDER, Selection, by_domain, needs_attention
from headgate.cli.day_report import print_status
from headgate.cli.errors import FINE, UsageError
from headgate.cli.expectations import expect
from headgate.cli.formatting import Clock, Entry

SHORT = 40  # products that are all shown, and rows of what needs attention
SELECTABLE = ("late", "at risk", "held", "outdated", *(each.lower() for each in ORDER))


def add(parser: argparse.ArgumentParser) -> None:
    add_date(parser, default="the latest that has a run")
    parser.add_argument("--domain", metavar="NAME", help="only the products of this domain")
    parser.add_argument(
        "--status", type=_status, action="append", default=[], metavar="STATUS",
        help=f"only products of this status, also several times: {', '.join(SELECTABLE)}",
    )  # fmt: skip
    parser.add_argument("--owner", default="", metavar="NAME", help="only the products of this owner")
    parser.add_argument("--all", action="store_true", help=f"every product, also where there are more than {SHORT}")
    parser.add_argument(
        "--watch", nargs="?", type=_seconds, const=10, metavar="SECONDS", help="again and again, every 10 seconds or as given, until Ctrl-C"
    )  # fmt: skip
    parser.add_argument(
        "--since", metavar="POSITION", help="with --json: only what has changed since an answer, by its `position`"
    )
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.since and not arguments.json:
        raise UsageError("--since is for programs, with --json; to see what changes, use --watch")
    if arguments.watch is None:
        _show(arguments)
        return FINE
    if arguments.json:
        raise UsageError("--watch is for people; with --json call `headgate status` again instead")
    try:
        while True:
            if terminal.is_terminal(sys.stdout):
                terminal.clear()
            _show(arguments)
            sys.stdout.flush()
            time.sleep(arguments.watch)
    except KeyboardInterrupt:
        return FINE


def _show(arguments: argparse.Namespace) -> None:
    answer = inquire(arguments, "status", business_date=arguments.date, domain=arguments.domain, since=arguments.since)
    expect(answer, arguments)
    selection = Selection(tuple(arguments.status), arguments.owner)
    products = selection.of(answer["products"])
    if arguments.json:
        terminal.print_json({**answer, "products": products})
        return
    clock, now = Clock(None, answer["business_date"]), datetime.fromisoformat(answer["asked_at"])
    attention = needs_attention(products, now)
    terminal.line(f"{answer['business_date']}, as of {clock.with_zone(answer['asked_at'])}")
    for each in answer.get("shadow", ()):
        terminal.line(shadow_report.mode({"mode": {"shadow": True, **each}}, clock))
    if selection or arguments.all or len(products) <= SHORT:
        named = {id(each) for each in attention}
        print_status([*attention, *(each for each in products if id(each) not in named)], clock, now)
    else:
        _print_summary(products, attention, clock, now)
    if answer["more"]:
        terminal.line("There are more products; choose a domain with --domain.")


def _print_summary(products: list[Entry], attention: list[Entry], clock: Clock, now: datetime) -> None:
    if attention:
        terminal.line()
        terminal.line(("Needs attention", "title"))
        terminal.table(status_rows.status(attention[:SHORT], clock, now), heading=True)
        if len(attention) > SHORT:
            terminal.line(
                f"and {len(attention) - SHORT:,} more; `headgate status --status error`, `--status late` or `--domain` list them"
            )
    terminal.line()
    terminal.table(by_domain(products), heading=True)
    terminal.line()
    terminal.line(status_rows.counts(products))
    terminal.line("`--all` lists every product; `--domain`, `--owner` and `--status` choose.")


def _status(text: str) -> str:
    name = text.lower().replace("_", " ").replace("-", " ")
    if name not in SELECTABLE:
        raise argparse.ArgumentTypeError(f"{text}: expected one of {', '.join(SELECTABLE)}")
    return name


def _seconds(text: str) -> float:
    try:
        if (seconds := float(text)) >= 1:
            return seconds
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text}: expected a number of seconds, at least 1")
