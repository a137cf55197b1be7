"""`headgate release`: ends the hold of a product, or of runs of it."""

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
        return operate_on_range(arguments, "release")
    result = operate(
        arguments, "release", product=arguments.product, business_date=arguments.date, cycle=arguments.cycle
    )
    if arguments.json:
        terminal.print_json(result)
        return FINE
    for text in _released(arguments, result):
        terminal.line(text)
    return FINE


def _released(arguments: argparse.Namespace, result: Entry) -> list[str]:
    product = arguments.product
    lines = [f"The hold of {f'the run of {product} for {arguments.date}' if arguments.date else product} has ended."]
    if result["other_hold"]:
        lines.append(
            f"The product is still held: `headgate release {product}`."
            if arguments.date
            else "Runs of it are still held one by one: `headgate release` with their --date."
        )
    if result["released_runs"]:
        lines.append(f"Released: {few([named_run(each) for each in result['released_runs']])}.")
    if result["waiting_runs"]:
        first = result["waiting_runs"][0]["business_date"]
        lines.append(
            f"Still waiting: {few([named_run(each) for each in result['waiting_runs']])}; `headgate why {product} --date {first}` names what is missing."
        )
    if not result["released_runs"] and not result["waiting_runs"]:
        lines.append("None of its runs waits now.")
    return lines
