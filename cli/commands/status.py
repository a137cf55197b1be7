"""`headgate status`: every product of a business date."""

import argparse

from headgate.cli import formatting, report
from headgate.cli.deployed import add_where, asked
from headgate.cli.project import FINE


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="the business date (default: the latest that has a run)")
    parser.add_argument("--domain", metavar="NAME", help="only this domain")
    add_where(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = asked(arguments, "status", business_date=arguments.date, domain=arguments.domain)
    if arguments.json:
        report.print_json(answer)
        return FINE
    clock = formatting.Clock(None, answer["business_date"])
    print(f"{answer['business_date']}, as of {clock.with_zone(answer['asked_at'])}")
    for line in formatting.status(answer["products"], clock):
        print(line)
    if answer["more"]:
        print("and more; name a --domain")
    return FINE
