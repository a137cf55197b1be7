"""`headgate rerun`: the next attempt of runs that have ended."""

import argparse

from headgate.cli.formatting import Entry, uncut
from headgate.cli.ranges import add_operation, operate_on_runs


def add(parser: argparse.ArgumentParser) -> None:
    add_operation(parser, "the latest that has a run")
    parser.add_argument(
        "--downstream", action="store_true", help="also every ended run that depends on it, near or far"
    )


def run(arguments: argparse.Namespace) -> int:
    return operate_on_runs(arguments, "rerun", attempts, downstream=arguments.downstream)


def attempts(result: list[Entry]) -> list[str]:
    """A line for each attempt that was started."""
    started, more = uncut(result)
    lines = [f"{each['product']} for {each['business_date']}: attempt {each['attempt']}" for each in started]
    return [*lines, f"and {more:,} more"] if more else lines
