"""`headgate cancel`: ends runs that have not ended, with their machines and jobs."""

import argparse

from headgate.cli.formatting import Entry, few, named_run
from headgate.cli.ranges import add_operation, operate_on_runs


def add(parser: argparse.ArgumentParser) -> None:
    add_operation(parser, "the latest that has a run")
    parser.add_argument("--reason", help="why, for `why` and `history`")


def run(arguments: argparse.Namespace) -> int:
    return operate_on_runs(arguments, "cancel", cancelled, reason=arguments.reason)


def cancelled(result: Entry) -> list[str]:
    lines = [f"{result['product']} for {named_run(result)}: cancelled"]
    if result["jobs"]:
        names = [f"{each['job']} ({each['job_run_id']}, step {each['step']})" for each in result["jobs"]]
        lines.append(f"Asked to stop: {few(names)}. A function that runs ends by itself, at its own time-out.")
    return lines
