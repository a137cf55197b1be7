"""`headgate backfill`: opens the runs of past business dates, of a product or of all that the schedules of a domain open."""

import argparse
from collections.abc import Iterator
from datetime import date, timedelta

from headgate.cli import terminal
from headgate.cli.arguments import add_application, add_date, add_until, add_yes, check_range
from headgate.cli.errors import FINDINGS, FINE, RefusedError, UsageError
from headgate.cli.formatting import plural
from headgate.cli.operate import confirm, counts, operate
from headgate.cli.progress import Progress
from headgate.cli.ranges import MANY

MAX_DAYS, MAX_RUNS = 1_000, 10_000  # of one command; each run that is opened starts an execution
DAYS_OF_A_CALL = 7  # a call opens the runs of few days, so that it ends long before the function times out


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", metavar="DOMAIN[/PRODUCT]")
    add_date(parser, default="that of the last opening of its schedule")
    add_until(parser)
    add_yes(parser)
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    check_range(arguments, needs_date=True)
    first, last = _dates(arguments)
    if not arguments.yes and ("/" not in arguments.product or (last - first).days >= MANY):
        _preview(arguments, first, last)
    opened = existing = 0
    following = first
    for end, found in _calls(arguments, first, last, preview=False):
        opened, existing = opened + found["opened"], existing + found["existing"]
        following = end + timedelta(days=1)
        if opened >= MAX_RUNS:
            break
    if not opened and not existing and following > last:
        schedule = "its schedule has" if "/" in arguments.product else "the schedules of its products have"
        raise RefusedError(
            f"no run of {arguments.product} was opened {_range(first, last)}: {schedule} no opening then"
        )
    if arguments.json:
        rest = {"next_date": following.isoformat()} if following <= last else {}
        terminal.print_json({"opened": opened, "existing": existing, **rest})
        return FINDINGS if rest else FINE
    terminal.line(counts({"opened": opened, **({"existed before": existing} if existing else {})}))
    if existing and not opened:
        terminal.line("`headgate rerun` starts the next attempt of a run that has ended.")
    if following <= last:
        terminal.line(
            f"One command opens about {plural(MAX_RUNS, 'run')}. Continue with "
            f"`headgate backfill {arguments.product} --date {following} --until {last}`"
        )
    return FINDINGS if following <= last else FINE


def _dates(arguments: argparse.Namespace) -> tuple[date, date]:
    """The first and the last business date; without `--date` the application knows the one of the last opening."""
    given = arguments.date or operate(arguments, "backfill", **_about(arguments), preview=True)["business_date"]
    first = date.fromisoformat(given)
    last = date.fromisoformat(arguments.until) if arguments.until else first
    days = (last - first).days + 1
    if days > MAX_DAYS:
        raise UsageError(f"{first} to {last} are {days:,} days; one command opens at most {MAX_DAYS:,}")
    return first, last


def _preview(arguments: argparse.Namespace, first: date, last: date) -> None:
    found = [each for _, each in _calls(arguments, first, last, preview=True)]
    opened, existing = (sum(each[key] for each in found) for key in ("opened", "existing"))
    if opened > MANY:
        exist = f"; {plural(existing, 'run')} existed before" if existing else ""
        confirm(
            arguments, f"{plural(opened, 'run')} of {arguments.product} {_range(first, last)} would be opened{exist}."
        )


def _calls(
    arguments: argparse.Namespace, first: date, last: date, preview: bool
) -> Iterator[tuple[date, dict[str, int]]]:
    """The last date of each call, and its answer."""
    with Progress(arguments.json) as progress:
        for start, end in _ranges(first, last):
            progress("business dates", (start - first).days, (last - first).days + 1)
            dates = {"business_date": start.isoformat(), "until": end.isoformat()}
            yield end, operate(arguments, "backfill", **_about(arguments), **dates, preview=preview or None)


def _about(arguments: argparse.Namespace) -> dict[str, str]:
    return {"product" if "/" in arguments.product else "domain": arguments.product}


def _range(first: date, last: date) -> str:
    return f"for {first}" if first == last else f"from {first} to {last}"


def _ranges(first: date, last: date) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(first + timedelta(days=DAYS_OF_A_CALL - 1), last)
        yield first, end
        first = end + timedelta(days=1)
