"""`headgate runs`: the runs of a product over many dates: how long each waited and worked, and what released it."""

import argparse

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_cycle, add_date, add_until, check_range, product_name
from headgate.cli.errors import FINE, UsageError
from headgate.cli.formatting import Clock, Entry, input_name, lasted, named_run, uncut

LAST = 30  # runs that are shown where no date is given
MOST = 400  # of a question


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default=f"the latest {LAST} runs")
    add_until(parser)
    parser.add_argument("--last", type=_count, metavar="N", help=f"the latest N runs, to --until (default: {LAST})")
    add_cycle(parser, default="all")
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    check_range(arguments)
    if arguments.date and arguments.last:
        raise UsageError("--date names the first run and --last how many; give one of them")
    count = None if arguments.date else arguments.last or LAST
    answer = inquire(
        arguments, "runs", product=arguments.product, business_date=arguments.date, until=arguments.until, cycle=arguments.cycle, last=count
    )  # fmt: skip
    if arguments.json:
        terminal.print_json(answer)
    elif answer["runs"]:
        terminal.table(
            [["run", "status", "attempt", "opened", "waited", "ran", "ended", "released by"], *_rows(answer["runs"])],
            heading=True,
        )
        if answer["more"]:
            terminal.line("There are earlier runs; --last or --date shows them.")
    else:
        terminal.line("no runs")
    return FINE


def _rows(runs: list[Entry]) -> list[list[str]]:
    """The latest run first, and below it its attempts before the newest."""
    rows = []
    for each in reversed(runs):
        rows.append([named_run(each), *_attempt(each, Clock(None, each["business_date"]), "late" in each)])
        before, more = uncut(each.get("attempts", ()))
        rows += [["", *_attempt(attempt, Clock(None, each["business_date"]), False)] for attempt in before]
        if more:
            rows.append(["", f"and {more:,} attempts before"])
    return rows


def _attempt(each: Entry, clock: Clock, late: bool) -> list[str]:
    return [
        each["status"] + (" late" if late else ""), str(each["attempt"]), clock(each.get("opened_at")), lasted(each.get("wait_seconds")),
        lasted(each.get("run_seconds")), clock(each.get("finished_at")), _reason(each, clock),
    ]  # fmt: skip


def _reason(each: Entry, clock: Clock) -> str:
    """What the run had waited for last, or why it went on without it."""
    if "error" in each:
        return str(each["error"])
    if "released_by" not in each:
        return str(each.get("reason", ""))
    by = each["released_by"]
    attempt = f" (attempt {by['attempt']})" if by.get("attempt", 1) > 1 else ""
    account = f" of account {by['account']}" if "account" in by else ""
    waived = f", waived by {by['waived_by']}" if "waived_by" in by else ""
    return f"{input_name(by['upstream'])}{attempt}{account} at {clock(by['at'])}{waived}"


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST}")
    return int(text)
