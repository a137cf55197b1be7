"""`headgate skip`: ends waiting runs as SKIPPED."""

import argparse

from headgate.cli import terminal
from headgate.cli.arguments import (
    add_application,
    add_cycle,
    add_date,
    add_until,
    add_yes,
    check_range,
    product_name,
)
from headgate.cli.errors import FINE
from headgate.cli.formatting import named_run
from headgate.cli.operate import operate
from headgate.cli.ranges import operate_on_range


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default="the latest that has a run")
    add_until(parser)
    add_cycle(parser)
    add_yes(parser)
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    check_range(arguments, needs_date=True)
    if arguments.until:
        return operate_on_range(arguments, "skip")
    result = operate(arguments, "skip", product=arguments.product, business_date=arguments.date, cycle=arguments.cycle)
    if arguments.json:
        terminal.print_json(result)
    else:
        terminal.line(f"{result['product']} for {named_run(result)}: skipped")
    return FINE
