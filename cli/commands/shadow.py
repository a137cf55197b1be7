"""`headgate shadow`: what Headgate would have done otherwise than the scheduler beside which it runs in shadow."""

import argparse

from headgate.cli import shadow_report, terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_until, business_date, whole_number
from headgate.cli.errors import FINE, UsageError

MINUTE = 60


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "date", type=business_date, nargs="?", metavar="DATE", help="the business date (default: the latest that has a run)"
    )  # fmt: skip
    add_until(parser)
    parser.add_argument("--domain", metavar="NAME", help="only the products of this domain")
    parser.add_argument(
        "--tolerance", type=whole_number("minutes, at most 1440", most=1440), metavar="MINUTES",
        help="starts that differ by no more are the same (default: 5)",
    )  # fmt: skip
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    _check_range(arguments)
    tolerance = arguments.tolerance * MINUTE if arguments.tolerance is not None else None
    answer = inquire(
        arguments, "shadow", business_date=arguments.date, until=arguments.until, domain=arguments.domain, tolerance=tolerance
    )  # fmt: skip
    if arguments.json:
        terminal.print_json(answer)
        return FINE
    shadow_report.print_report(answer, None)
    return FINE


def _check_range(arguments: argparse.Namespace) -> None:
    if arguments.until and not arguments.date:
        raise UsageError("--until is the end of a range; name its first business date before it")
    if arguments.until and arguments.until < arguments.date:
        raise UsageError(f"--until {arguments.until} is before {arguments.date}")
