"""`headgate backfill`: opens the runs of past business dates, of a product or of a domain; all at once, or a few after the others."""

import argparse
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from headgate.cli import backfills, landed_backfill, terminal
from headgate.cli.arguments import add_application, add_date, add_preview, add_until, add_yes, check_range, whole_number
from headgate.cli.errors import FINDINGS, FINE, RefusedError, UsageError
from headgate.cli.formatting import plural
from headgate.cli.operate import confirm, counts, operate
from headgate.cli.preview import print_preview
from headgate.cli.progress import Progress
from headgate.cli.ranges import MANY

MAX_DAYS, MAX_RUNS = 1_000, 10_000  # of one command; each run that is opened starts an execution
NUMBER = whole_number("a number, such as 5", 1, 2**31 - 1)
DAYS_OF_A_CALL = 7  # a call opens the runs of few days, so that it ends long before the function times out


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", metavar="DOMAIN[/PRODUCT]", nargs="?")
    add_date(parser, default="that of the last opening of its schedule")
    add_until(parser)
    parser.add_argument(
        "--at-once", type=NUMBER, metavar="N", help="open N runs, and the others as these end; what others need comes first"
    )  # fmt: skip
    parser.add_argument(
        "--files", action="store_true", help="first record files of the product that lay in its bucket before; without --date of all dates"
    )  # fmt: skip
    parser.add_argument("--prefix", metavar="TEXT", help="with --files: only those whose names begin so")
    under_way = parser.add_mutually_exclusive_group()
    under_way.add_argument("--list", action="store_true", help="show how far the backfills with --at-once are")
    under_way.add_argument("--watch", action="store_true", help="as --list, again and again until the latest has ended")
    under_way.add_argument("--stop", type=NUMBER, metavar="NUMBER", help="let a backfill open no more runs")
    add_yes(parser)
    add_preview(parser)
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.list or arguments.watch or arguments.stop:
        if arguments.product:
            raise UsageError("--list, --watch and --stop are about backfills that exist; name no product")
        return backfills.stop(arguments) if arguments.stop else backfills.show(arguments)
    if arguments.files:
        return landed_backfill.begin(arguments)
    if arguments.prefix:
        raise UsageError("--prefix is about files: add --files")
    if not arguments.product:
        raise UsageError("name a domain or a product; --list shows the backfills that are under way")
    check_range(arguments, needs_date=True)
    first, last = _dates(arguments)
    if arguments.expect and not (arguments.at_once or last - first < timedelta(days=DAYS_OF_A_CALL)):
        raise UsageError(f"--expect is for a single call: at most {DAYS_OF_A_CALL} days, or --at-once")
    if arguments.dry_run:
        return _dry_run(arguments, first, last)
    if not arguments.yes and not arguments.expect and ("/" not in arguments.product or (last - first).days >= MANY):
        _preview(arguments, first, last)
    return _limited(arguments, first, last) if arguments.at_once else _all(arguments, first, last)


def _all(arguments: argparse.Namespace, first: date, last: date) -> int:
    """Opens the runs call after call, each in a transaction of its own."""
    opened = existing = 0
    following = first
    for end, found in _calls(arguments, first, last, preview=False):
        opened, existing = opened + found["opened"], existing + found["existing"]
        following = end + timedelta(days=1)
        if opened >= MAX_RUNS:
            break
    if not opened and not existing and following > last:
        raise _nothing(arguments, first, last)
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


def _limited(arguments: argparse.Namespace, first: date, last: date) -> int:
    """Opens the first runs, and leaves the others to the application."""
    dates = {"business_date": first.isoformat(), "until": last.isoformat()}
    found = operate(
        arguments, "backfill", **_about(arguments), **dates, at_once=arguments.at_once, expect=arguments.expect
    )
    if not found["opened"] and not found["planned"] and not found["existing"]:
        raise _nothing(arguments, first, last)
    if arguments.json:
        terminal.print_json(found)
        return FINE
    existed = {"existed before": found["existing"]} if found["existing"] else {}
    terminal.line(counts({"opened": found["opened"], **existed}))
    if found["backfill"]:
        terminal.line(
            f"Backfill {found['backfill']}: {plural(found['planned'], 'more run')}, {arguments.at_once:,} at once. "
            f"`headgate backfill --watch` shows how far it is, `headgate backfill --stop {found['backfill']}` ends it."
        )
    return FINE


def _nothing(arguments: argparse.Namespace, first: date, last: date) -> RefusedError:
    schedule = "its schedule has no opening then"
    if "/" not in arguments.product:
        schedule = (
            "the schedules of its products have no opening then, and no received event opens one of its other products"
        )
    return RefusedError(f"no run of {arguments.product} was opened {_range(first, last)}: {schedule}")


def _dates(arguments: argparse.Namespace) -> tuple[date, date]:
    """The first and the last business date; without `--date` the application knows the one of the last opening."""
    given = arguments.date or operate(arguments, "backfill", **_about(arguments), preview=True)["business_date"]
    first = date.fromisoformat(given)
    last = date.fromisoformat(arguments.until) if arguments.until else first
    days = (last - first).days + 1
    if days > MAX_DAYS:
        raise UsageError(f"{first} to {last} are {days:,} days; one command opens at most {MAX_DAYS:,}")
    return first, last


def _dry_run(arguments: argparse.Namespace, first: date, last: date) -> int:
    if arguments.at_once:
        dates = {"business_date": first.isoformat(), "until": last.isoformat()}
        found = [operate(arguments, "backfill", **_about(arguments), **dates, at_once=arguments.at_once, preview=True)]
    else:
        found = [each for _, each in _calls(arguments, first, last, preview=True)]
    if arguments.json:
        terminal.print_json({"previews": found})
        return FINE
    print_preview("backfill", found)
    if planned := sum(each.get("planned", 0) for each in found):
        terminal.line(f"{plural(planned, 'more run')} would be opened as these end.")
    return FINE


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
) -> Iterator[tuple[date, dict[str, Any]]]:
    """The last date of each call, and its answer."""
    with Progress(arguments.json) as progress:
        for start, end in _ranges(first, last):
            progress("business dates", (start - first).days, (last - first).days + 1)
            dates = {"business_date": start.isoformat(), "until": end.isoformat()}
            expect = None if preview else arguments.expect
            yield (
                end,
                operate(arguments, "backfill", **_about(arguments), **dates, preview=preview or None, expect=expect),
            )


def _about(arguments: argparse.Namespace) -> dict[str, str]:
    return {"product" if "/" in arguments.product else "domain": arguments.product}


def _range(first: date, last: date) -> str:
    return f"for {first}" if first == last else f"from {first} to {last}"


def _ranges(first: date, last: date) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(first + timedelta(days=DAYS_OF_A_CALL - 1), last)
        yield first, end
        first = end + timedelta(days=1)
