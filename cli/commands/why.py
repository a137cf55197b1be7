"""`headgate why`: what a run waits for, since when, whose it is, when it usually comes, and what happens next."""

import argparse
from zoneinfo import ZoneInfo

from headgate.cli import explain, formatting, report
from headgate.cli.deployed import add_where, asked
from headgate.cli.project import FINE, product_name


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="the business date (default: the latest that has a run)")
    parser.add_argument(
        "--cycle", metavar="HHMM", help="the opening, of a product with several a day (default: the last)"
    )
    add_where(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = asked(arguments, "why", product=arguments.product, business_date=arguments.date, cycle=arguments.cycle)
    if arguments.json:
        report.print_json(answer)
        return FINE
    zone = ZoneInfo(answer["run"]["timezone"]) if "timezone" in answer["run"] else None
    clock = formatting.Clock(zone, answer["business_date"])
    for line in explain.explained(answer["run"], clock):
        print(line)
    print(f"As of {clock.with_zone(answer['asked_at'])}.")
    return FINE
