"""`headgate history`: runs, attempts, arrivals, job runs and executions, oldest first."""

import argparse

from headgate.cli import formatting, report
from headgate.cli.deployed import add_where, asked
from headgate.cli.project import FINE, product_name


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT", nargs="?", help="(default: all)")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="the business date (default: the latest that has a run)")
    parser.add_argument("--until", metavar="YYYY-MM-DD", help="the last business date, to see several")
    add_where(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = asked(arguments, "history", product=arguments.product, business_date=arguments.date, until=arguments.until)
    if arguments.json:
        report.print_json(answer)
        return FINE
    for line in formatting.history(answer["entries"], formatting.Clock(None, answer["business_date"])):
        print(line)
    if answer["more"]:
        print("and more; name a product or fewer dates")
    return FINE
