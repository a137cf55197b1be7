"""`headgate backfill`: opens the runs of past business dates, of a product or of all that the schedules of a domain open."""

import argparse
from collections.abc import Iterator
from datetime import date, timedelta

from headgate.cli import terminal
from headgate.cli.arguments import add_application, add_date, add_until, check_range
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.formatting import plural
from headgate.cli.operate import counts, operate
from headgate.cli.progress import Progress

MAX_DAYS, MAX_RUNS = 1_000, 10_000  # of one command; each run that is opened starts an execution
DAYS_OF_A_CALL = 7  # a call opens the runs of few days, so that it ends long before the function times out


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", metavar="DOMAIN[/PRODUCT]")
    add_date(parser, default=None)
    add_until(parser)
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    check_range(arguments)
    first = date.fromisoformat(arguments.date)
    last = date.fromisoformat(arguments.until) if arguments.until else first
    days = (last - first).days + 1
    if days > MAX_DAYS:
        raise UsageError(f"{first} to {last} are {days:,} days; one command opens at most {MAX_DAYS:,}")
    key = "product" if "/" in arguments.product else "domain"
    opened, following = 0, first
    with Progress(arguments.json) as progress:
        for start, end in _ranges(first, last):
            if opened >= MAX_RUNS:
                break
            progress("business dates", (start - first).days, days)
            about = {key: arguments.product, "business_date": start.isoformat(), "until": end.isoformat()}
            opened += operate(arguments, "backfill", **about)["opened"]
            following = end + timedelta(days=1)
    if arguments.json:
        terminal.print_json({"opened": opened, **({"next_date": following.isoformat()} if following <= last else {})})
    else:
        terminal.line(counts({"opened": opened}))
        if following <= last:
            terminal.line(
                f"One command opens about {plural(MAX_RUNS, 'run')}. Continue with "
                f"`headgate backfill {arguments.product} --date {following} --until {last}`"
            )
    return FINDINGS if following <= last else FINE


def _ranges(first: date, last: date) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(first + timedelta(days=DAYS_OF_A_CALL - 1), last)
        yield first, end
        first = end + timedelta(days=1)
