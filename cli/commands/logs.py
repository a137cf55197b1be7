"""`headgate logs`: what the job runs of a product logged: where their services keep it, on this machine what their processes printed."""

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

from headgate.cli import terminal
from headgate.cli.application import application, inquire
from headgate.cli.arguments import add_application, add_date, product_name, whole_number
from headgate.cli.cloudwatch import MOST
from headgate.cli.errors import FINE, RefusedError, UsageError
from headgate.cli.log_reader import Reader, job_runs, reader_of
from headgate.cli.log_report import Report, as_json, places_without_lines

LINES = 100
SECONDS = 2.0  # between two looks of --follow
ENDED = ("COMPLETED", "ERROR", "SKIPPED", "CANCELLED")


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default="the latest that has a run")
    parser.add_argument("--step", metavar="NAME", help="only this step (default: all)")
    parser.add_argument(
        "--batch",
        type=whole_number("the number of a batch, such as 12", 1, 2**31 - 1),
        metavar="N",
        help="only this batch of files, by its number in `headgate why` (default: all)",
    )
    parser.add_argument(
        "--lines",
        type=whole_number(f"a number of lines, 1 to {MOST}", 1, MOST),
        default=LINES,
        metavar="N",
        help=f"of each place only the last N lines (default: {LINES})",
    )
    parser.add_argument("--follow", action="store_true", help="go on with what comes, until the run has ended")
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    reader = reader_of(application(arguments), arguments.lines)
    if arguments.follow:
        _follow(arguments, reader)
        return FINE
    answer = _asked(arguments)
    found = job_runs(answer["entries"], arguments.step, arguments.batch)
    if not found:
        raise UsageError(_nothing(arguments, answer))
    read = [(each, list(reader.sections(each))) for each in found]
    if arguments.json:
        logs = [as_json(each, sections) for each, sections in read]
        terminal.print_json({"product": arguments.product, "business_date": answer["business_date"], "job_runs": logs})
        return FINE
    report = Report()
    for each, sections in read:
        report.begin(each)
        report.show(each, sections)
        if not any(section.lines or section.problem for section in sections):
            terminal.line(places_without_lines(each, sections))
    return FINE


def _asked(arguments: argparse.Namespace) -> Any:
    return inquire(arguments, "history", product=arguments.product, business_date=arguments.date)


def _follow(arguments: argparse.Namespace, reader: Reader) -> None:
    """Shows what is new until the runs of the date have ended. What comes late is read once more."""
    report, last = Report(), False
    while True:
        answer = _asked(arguments)
        if not answer["entries"]:
            raise UsageError(_nothing(arguments, answer))
        for each in job_runs(answer["entries"], arguments.step, arguments.batch):
            sections = list(reader.sections(each))
            if arguments.json:
                for line in _new_lines(as_json(each, sections)):
                    print(json.dumps(line, ensure_ascii=False), flush=True)
            else:
                report.show(each, sections)
        if last:
            return
        last = _have_ended(answer["entries"])
        time.sleep(SECONDS)


def _new_lines(log: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One object for each line, and for each place that cannot be read."""
    facts = {key: value for key, value in log.items() if key != "places"}
    for place in log["places"]:
        for line in place["lines"]:
            yield facts | {"place": place["place"], **line}
        if "problem" in place:
            yield facts | {"place": place["place"], "problem": place["problem"]}


def _have_ended(entries: list[dict[str, Any]]) -> bool:
    """Whether each run of these entries has ended, by its last entry."""
    latest = {each.get("cycle"): each["status"] for each in entries if each["kind"] == "run" and "status" in each}
    return bool(latest) and all(status in ENDED for status in latest.values())


def _nothing(arguments: argparse.Namespace, answer: dict[str, Any]) -> str:
    """Why there is no job run to read. Raises `RefusedError` if there is no such product."""
    product, date = arguments.product, answer["business_date"]
    if steps := sorted({each.step for each in job_runs(answer["entries"])}):
        what = f"step {arguments.step}" if arguments.batch is None else f"batch {arguments.batch}"
        return f"{product} has started no job in a {what} for {date}; it has in {', '.join(steps)}"
    text = f"no job of {product} has started for {date}"
    try:
        run = inquire(arguments, "why", product=product, business_date=date)["run"]
    except RefusedError as error:
        if error.details.get("kind") == "UnknownProduct":
            raise
        return f"{text}\n{error}"
    return f"{text}\nits run is {run['status']}: `headgate why {product} --date {date}` explains it"
