"""`headgate history`: runs, attempts, arrivals, job runs and executions, oldest first."""

import argparse

from headgate.cli import formatting, terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_date, add_until, check_range, product_name
from headgate.cli.errors import FINE
from headgate.cli.formatting import plural


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT", nargs="?", help="(default: all)")
    add_date(parser, default="the latest that has a run")
    add_until(parser)
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    check_range(arguments)
    answer = inquire(
        arguments, "history", product=arguments.product, business_date=arguments.date, until=arguments.until
    )
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
    if answer["more"]:
        terminal.line("These are the latest entries; choose a product or fewer dates to see the earlier ones.")
    return FINE
