"""`headgate forecast`: when each product of a business date will be ready, and why; of one product also what that depends on."""

import argparse

from headgate.cli import critical_path, forecasting, terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_date, product_name
from headgate.cli.errors import FINE
from headgate.cli.formatting import Clock, plural

OF_THE_DAY = object()  # in place of a product


def add(parser: argparse.ArgumentParser) -> None:
    add_date(parser, default="the latest that has a run")
    parser.add_argument(
        "--product", type=product_name, metavar="DOMAIN/PRODUCT", help="this one, and what decides when it is ready"
    )
    parser.add_argument(
        "--critical-path", type=product_name, nargs="?", const=OF_THE_DAY, metavar="DOMAIN/PRODUCT",
        help="the chain of inputs that has decided, or will decide, when this one is ready, and how much later its other inputs could have come; without a name the one of the day: to the product that has the least time left before its SLA",
    )  # fmt: skip
    parser.add_argument("--at-risk", action="store_true", help="only products that are expected to miss their SLA")
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.critical_path is not None:
        return _critical_path(arguments)
    answer = inquire(
        arguments,
        "forecast",
        business_date=arguments.date,
        product=arguments.product,
        at_risk=arguments.at_risk or None,
    )
    if arguments.json:
        terminal.print_json(answer)
        return FINE
    clock, products = Clock(None, answer["business_date"]), answer["products"]
    terminal.line(f"{answer['business_date']}, as of {clock.with_zone(answer['asked_at'])}")
    if arguments.product:
        for each, added in forecasting.path(arguments.product, products):
            share = f" (+{round(added / 60)} min)" if added else ""
            terminal.line(f"  {each['product']}: {forecasting.sentence(each, clock)}{share}", indent=4)
        return FINE
    if products:
        terminal.table(list(forecasting.rows(products, clock)))
    else:
        terminal.line("no product is at risk" if arguments.at_risk else "no product is expected on this date")
    at_risk = [each for each in products if each.get("at_risk")]
    if at_risk:
        terminal.line(f"{plural(len(at_risk), 'product')} at risk")
    return FINE


def _critical_path(arguments: argparse.Namespace) -> int:
    """Of a finished date as it was, of an open one as it is expected."""
    product = None if arguments.critical_path is OF_THE_DAY else arguments.critical_path
    answer = inquire(arguments, "critical_path", product=product, business_date=arguments.date)
    if arguments.json:
        terminal.print_json(answer)
        return FINE
    clock = Clock(None, answer["business_date"])
    if not answer["path"]:
        terminal.line(f"Nothing is known of when products are ready on {answer['business_date']}.")
        return FINE
    terminal.line(f"{answer['product']} for {answer['business_date']}, as of {clock.with_zone(answer['asked_at'])}")
    for line in critical_path.lines(answer["path"], clock):
        terminal.line(line, indent=4)
    return FINE
