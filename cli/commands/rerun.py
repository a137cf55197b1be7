"""`headgate rerun`: the next attempt of runs that have ended."""

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
from headgate.cli.operate import operate
from headgate.cli.ranges import operate_on_range


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default="the latest that has a run")
    add_until(parser)
    add_cycle(parser)
    parser.add_argument(
        "--downstream", action="store_true", help="also every ended run that depends on it, near or far"
    )
    add_yes(parser)
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    check_range(arguments, needs_date=True)
    if arguments.until:
        return operate_on_range(arguments, "rerun", downstream=arguments.downstream)
    result = operate(
        arguments,
        "rerun",
        product=arguments.product,
        business_date=arguments.date,
        cycle=arguments.cycle,
        downstream=arguments.downstream,
    )
    if arguments.json:
        terminal.print_json(result)
    else:
        for each in result:
            terminal.line(f"{each['product']} for {each['business_date']}: attempt {each['attempt']}")
    return FINE
