"""`headgate logs`: what the jobs of a product printed, on this machine."""

import argparse

from headgate.cli import job_outputs, terminal
from headgate.cli.application import LOCAL, inquire
from headgate.cli.arguments import add_date, product_name, whole_number
from headgate.cli.errors import FINE, UsageError

LINES = 100


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default="the latest that has a run")
    parser.add_argument("--step", metavar="NAME", help="only this step (default: all)")
    parser.add_argument(
        "--lines",
        type=whole_number("a number of lines, 1 or more", 1),
        default=LINES,
        metavar="N",
        help=f"of each job run only the last N lines (default: {LINES})",
    )
    parser.set_defaults(local=True)


def run(arguments: argparse.Namespace) -> int:
    answer = inquire(arguments, "history", product=arguments.product, business_date=arguments.date)
    shown = list(job_outputs.of_product(answer["entries"], LOCAL, arguments.step, arguments.lines))
    if not shown:
        of_step = f" in the step {arguments.step}" if arguments.step else ""
        raise UsageError(f"no job of {arguments.product} has started for {answer['business_date']}{of_step}")
    for line in shown:
        terminal.line(line)
    return FINE
