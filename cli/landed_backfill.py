"""`headgate backfill --files`: files that lay in the bucket before. The application lists them, page by page; this begins it, or shows what would be taken."""

import argparse
import time
from typing import Any

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.errors import FINE, UsageError
from headgate.cli.formatting import Entry, plural, size
from headgate.cli.operate import operate
from headgate.cli.progress import Progress

SECONDS = 5.0  # between two looks at a listing
ROWS = 60  # dates that are printed
AT_ONCE = 5
FATES = {
    "rejected": "rejected: recorded, and counts for no set", "completed": "left alone: the date is refreshed",
    "archived": "left alone: the date is archived", "unscheduled": "recorded; its schedule opens no run for the date",
}  # fmt: skip
GOES_ON = "its run goes on with them"
RUNS = {"": "its run is opened", "WAITING": GOES_ON, "PROCESSING": GOES_ON}


def begin(arguments: argparse.Namespace) -> int:
    if not arguments.product or "/" not in arguments.product:
        raise UsageError("--files is about one product; name it")
    if arguments.expect:
        raise UsageError("--expect is not for --files: what lies in the bucket is known when it has been listed")
    if arguments.until and not arguments.date:
        raise UsageError("--until needs --date, the first business date")
    given = {"product": arguments.product, "business_date": arguments.date, "until": arguments.until}
    given |= {"prefix": arguments.prefix, "at_once": arguments.at_once or AT_ONCE}
    if arguments.dry_run:
        return _count(arguments, given)
    begun = operate(arguments, "backfill", **given, landed="take")
    if arguments.json:
        terminal.print_json(begun)
        return FINE
    terminal.line(
        f"Backfill {begun['backfill']} lists {begun['location']}; then it opens the runs of the dates that it finds, {given['at_once']:,} at once. "
        f"`headgate backfill --watch` shows how far it is, `headgate backfill --stop {begun['backfill']}` ends it."
    )
    return FINE


def _count(arguments: argparse.Namespace, given: dict[str, Any]) -> int:
    begun = operate(arguments, "backfill", **given, landed="count")
    with Progress(arguments.json) as progress:
        while "ended_at" not in (found := _backfill(arguments, begun["backfill"])):
            progress("objects", found["listing"]["objects"], 0)
            time.sleep(SECONDS)
    answer = inquire(arguments, "backfill", backfill=begun["backfill"])
    listing, dates = found["listing"], answer["dates"]
    if arguments.json:
        terminal.print_json({"listing": listing, "dates": dates, "more": answer["more"]})
        return FINE
    terminal.line(
        f"Of {plural(listing['objects'], 'object')} below {begun['location']} {listing['files']:,} would be taken, {size(listing['bytes'])}, "
        f"of {plural(listing['dates'], 'business date')}" + (":" if dates else ".")
    )
    if dates:
        terminal.table([["date", "files", "size", "run", "what happens"], *map(_row, dates[:ROWS])], heading=True)
    if len(dates) > ROWS:
        terminal.line(f"and {len(dates) - ROWS:,} more; --json has them all")
    left = [
        f"{count:,} {text[count > 1]}"
        for count, text in (
            (
                listing["others"],
                ("object is of no source or of another product", "objects are of no source or of another product"),
            ),
            (listing["undated"], ("has no business date", "have no business date")),
            (listing["outside"], ("is of another business date", "are of other business dates")),
        )
        if count
    ]
    if left:
        terminal.line(", ".join(left) + ".")
    terminal.line("Nothing has been changed.")
    return FINE


def _backfill(arguments: argparse.Namespace, number: int) -> Entry:
    found: Entry = next(each for each in inquire(arguments, "backfills")["backfills"] if each["backfill"] == number)
    return found


def _row(each: Entry) -> list[str]:
    fate = FATES.get(each["fate"]) or RUNS.get(each.get("status", ""), "recorded; `headgate rerun` uses them")
    known = f"; {each['known']:,} known before" if "known" in each else ""
    day = " ".join(each[key] for key in ("business_date", "cycle") if key in each)
    return [day, f"{each['files']:,}", size(each["bytes"]), each.get("status", ""), f"{fate}{known}"]
