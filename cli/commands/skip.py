"""`headgate skip`: ends a waiting run as SKIPPED."""

import argparse

from headgate.cli.arguments import add_application, add_cycle, add_date, product_name
from headgate.cli.operate import operate_on_run


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default=None)
    add_cycle(parser)
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    return operate_on_run(arguments, "skip")
