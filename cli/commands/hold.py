"""`headgate hold`: keeps a product, or runs of it, from being released."""

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
from headgate.cli.formatting import Entry, few, named_run
from headgate.cli.operate import operate
from headgate.cli.ranges import operate_on_range


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default="the product itself, for every date")
    add_until(parser)
    add_cycle(parser)
    add_yes(parser)
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    check_range(arguments, needs_date=True)
    if arguments.until:
        return operate_on_range(arguments, "hold")
    result = operate(arguments, "hold", product=arguments.product, business_date=arguments.date, cycle=arguments.cycle)
    if arguments.json:
        terminal.print_json(result)
        return FINE
    for text in _held(arguments, result):
        terminal.line(text)
    return FINE


def _held(arguments: argparse.Namespace, result: Entry) -> list[str]:
    product, is_held = arguments.product, "is held" if result["changed"] else "was held already"
    if arguments.date:
        cycle = f" --cycle {arguments.cycle}" if arguments.cycle else ""
        of_run = f"{arguments.date} {arguments.cycle or ''}".rstrip()
        return [
            f"The run of {product} for {of_run} {is_held}; it does not start until `headgate release {product} --date {arguments.date}{cycle}`."
        ]
    waiting = few([named_run(each) for each in result["waiting_runs"]])
    return [
        f"{product} {is_held}; no run of it starts until `headgate release {product}`.",
        f"Runs that wait: {waiting}."
        if waiting
        else "None of its runs waits now; the hold is for those that open later.",
    ]
