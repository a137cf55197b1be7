"""`headgate rerun`: the next attempt of a run that has ended."""

import argparse

from headgate.cli import terminal
from headgate.cli.arguments import add_application, add_cycle, add_date, product_name
from headgate.cli.errors import FINE
from headgate.cli.operate import operate


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default=None)
    add_cycle(parser)
    parser.add_argument(
        "--downstream", action="store_true", help="also every ended run that depends on it, near or far"
    )
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
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
