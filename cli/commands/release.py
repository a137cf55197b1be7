"""`headgate release`: ends the hold of a product, or of runs of it."""

import argparse

from headgate.cli.formatting import Entry, few_runs
from headgate.cli.ranges import add_operation, operate_on_runs


def add(parser: argparse.ArgumentParser) -> None:
    add_operation(parser, "the product itself, for every date")


def run(arguments: argparse.Namespace) -> int:
    return operate_on_runs(arguments, "release", lambda result: _released(arguments, result))


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
        lines.append(f"Released: {few_runs(result['released_runs'])}.")
    if result["waiting_runs"]:
        first = result["waiting_runs"][0]["business_date"]
        lines.append(
            f"Still waiting: {few_runs(result['waiting_runs'])}; `headgate why {product} --date {first}` names what is missing."
        )
    if not result["released_runs"] and not result["waiting_runs"]:
        lines.append("None of its runs waits now.")
    return lines
