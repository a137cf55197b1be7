"""`headgate history`: runs, attempts, arrivals, job runs and executions, oldest first."""

import argparse

from headgate.cli import formatting, terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_date, add_until, check_range, product_name
from headgate.cli.errors import FINE
from headgate.cli.formatting import Entry, plural


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT", nargs="?", help="(default: all)")
    add_date(parser, default="the latest that has a run")
    add_until(parser)
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    check_range(arguments)
    answer = _whole(arguments)
    if arguments.json:
        terminal.print_json(answer)
        return FINE
    rows = formatting.history(answer["entries"], formatting.Clock(None, answer["business_date"]))
    if rows:
        terminal.table(rows)
    elif not answer.get("archived"):
        terminal.line("no entries")
    for each in answer.get("archived", ()):
        what = plural(each["entries"], "run" if each["kind"] == "runs" else "refresh event")
        terminal.line(f"{each['business_date']}: {what} of this date {formatting.archived(each)}", indent=2)
    if answer["more"]:  # of an application of a release before, which does not say how to go on
        terminal.line("These are the latest entries; choose a product or fewer dates to see the earlier ones.")
    return FINE


def _whole(arguments: argparse.Namespace) -> Entry:
    """The answer with all its entries, which is asked for in parts, the latest first."""
    about = {"product": arguments.product, "business_date": arguments.date, "until": arguments.until}
    answer: Entry = inquire(arguments, "history", **about)
    parts = [answer["entries"]]
    while "before" in answer:
        earlier = inquire(arguments, "history", **about, before=answer.pop("before"))
        parts.append(earlier["entries"])
        answer |= {key: earlier[key] for key in ("more", "before") if key in earlier}
    return {**answer, "entries": [each for part in reversed(parts) for each in part]}
