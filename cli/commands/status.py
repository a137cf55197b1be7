"""`headgate status`: every product of a business date."""

import argparse

from headgate.cli import formatting, terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_date
from headgate.cli.day_report import print_status
from headgate.cli.errors import FINE


def add(parser: argparse.ArgumentParser) -> None:
    add_date(parser, default="the latest that has a run")
    parser.add_argument("--domain", metavar="NAME", help="only the products of this domain")
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = inquire(arguments, "status", business_date=arguments.date, domain=arguments.domain)
    if arguments.json:
        terminal.print_json(answer)
        return FINE
    clock = formatting.Clock(None, answer["business_date"])
    terminal.line(f"{answer['business_date']}, as of {clock.with_zone(answer['asked_at'])}")
    print_status(answer["products"], clock)
    if answer["more"]:
        terminal.line("There are more products; choose a domain with --domain.")
    return FINE
