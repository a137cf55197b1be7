"""`headgate skip`: ends waiting runs as SKIPPED."""

import argparse

from headgate.cli.formatting import named_run
from headgate.cli.ranges import add_operation, operate_on_runs


def add(parser: argparse.ArgumentParser) -> None:
    add_operation(parser, "the latest that has a run")


def run(arguments: argparse.Namespace) -> int:
    return operate_on_runs(arguments, "skip", lambda result: [f"{result['product']} for {named_run(result)}: skipped"])
