"""The backfills that open a few runs at once: how far they are, and stopping one."""

import argparse
import time
from typing import Any

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.formatting import plural
from headgate.cli.operate import operate
from headgate.cli.preview import print_preview

SECONDS = 10
DONE = ("COMPLETED", "ERROR", "SKIPPED", "CANCELLED", "NOT OPENED")


def show(arguments: argparse.Namespace) -> int:
    """Prints the backfills; with `--watch` until the latest has ended: then exit code 1 if a run of it did not complete."""
    if not arguments.watch:
        _print(arguments, inquire(arguments, "backfills"))
        return FINE
    if arguments.json:
        raise UsageError("--watch is for people; with --json call `headgate backfill --list` again instead")
    while True:
        answer = inquire(arguments, "backfills")
        _print(arguments, {**answer, "backfills": answer["backfills"][:1]})
        if not answer["backfills"] or "ended_at" in answer["backfills"][0]:
            return FINE if not answer["backfills"] or _completed(answer["backfills"][0]) else FINDINGS
        time.sleep(SECONDS)


def stop(arguments: argparse.Namespace) -> int:
    result = operate(
        arguments, "backfill", stop=arguments.stop, preview=arguments.dry_run or None, expect=arguments.expect
    )
    if arguments.json:
        terminal.print_json(result)
    elif arguments.dry_run:
        print_preview("backfill --stop", [result])
    else:
        terminal.line(f"Backfill {result['backfill']} opens no more runs; {plural(result['left'], 'run')} not opened.")
        if result["unfinished"]:
            terminal.line(
                f"{plural(result['unfinished'], 'run')} of it have not ended and go on; `headgate cancel` ends them."
            )
    return FINE


def _print(arguments: argparse.Namespace, answer: dict[str, Any]) -> None:
    if arguments.json:
        terminal.print_json(answer)
    elif answer["backfills"]:
        heading = ["", "what", "from", "to", "at once", "by", "done", "", ""]
        terminal.table([heading, *map(_row, answer["backfills"])], heading=True)
    else:
        terminal.line("no backfills")


def _row(each: dict[str, Any]) -> list[str]:
    statuses = each.get("statuses", {})
    done = sum(count for status, count in statuses.items() if status in DONE)
    state = "under way"
    if "ended_at" in each:
        state = f"stopped by {each['stopped_by']}" if "stopped_by" in each else "ended"
    found = ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items()))
    if listing := each.get("listing"):
        counted = f"{plural(listing['objects'], 'object')}, {plural(listing['files'], 'file')} of {plural(listing['dates'], 'date')}"
        found = f"{'listed' if 'listed_at' in listing else 'listing'}: {counted}" + (f"; {found}" if found else "")
    note = f"{state}: {found}"
    error = f"not opened, tried again: {each['error']}" if "error" in each else ""
    dates = [each.get("business_date", ""), each.get("until", "")]
    return [
        str(each["backfill"]), each["what"], *dates, f"{each['at_once']:,}", each["by"],
        f"{done:,} of {each.get('runs', 0):,}", note, error,
    ]  # fmt: skip


def _completed(each: dict[str, Any]) -> bool:
    return set(each.get("statuses", {})) <= {"COMPLETED"}
