"""`headgate hold`: keeps a product, or runs of it, from being released."""

import argparse

from headgate.cli.formatting import Entry, few_runs
from headgate.cli.ranges import add_operation, operate_on_runs


def add(parser: argparse.ArgumentParser) -> None:
    add_operation(parser, "the product itself, for every date")


def run(arguments: argparse.Namespace) -> int:
    return operate_on_runs(arguments, "hold", lambda result: _held(arguments, result))


def _held(arguments: argparse.Namespace, result: Entry) -> list[str]:
    product, is_held = arguments.product, "is held" if result["changed"] else "was held already"
    if arguments.date:
        cycle = f" --cycle {arguments.cycle}" if arguments.cycle else ""
        of_run = f"{arguments.date} {arguments.cycle or ''}".rstrip()
        return [
            f"The run of {product} for {of_run} {is_held}; it does not start until `headgate release {product} --date {arguments.date}{cycle}`."
        ]
    waiting = few_runs(result["waiting_runs"])
    return [
        f"{product} {is_held}; no run of it starts until `headgate release {product}`.",
        f"Runs that wait: {waiting}."
        if waiting
        else "None of its runs waits now; the hold is for those that open later.",
    ]
