"""`headgate rerun`: the next attempt of runs that have ended."""

import argparse

from headgate.cli.formatting import Entry, loaded, uncut
from headgate.cli.ranges import add_operation, operate_on_runs


def add(parser: argparse.ArgumentParser) -> None:
    add_operation(parser, "the latest that has a run")
    parser.add_argument(
        "--downstream", action="store_true", help="also every ended run that depends on it, near or far"
    )
    parser.add_argument(
        "--all-files", action="store_true", help="load all files of the date, also those that were loaded before"
    )


def run(arguments: argparse.Namespace) -> int:
    about = {"downstream": arguments.downstream, "all_files": arguments.all_files or None}
    return operate_on_runs(arguments, "rerun", attempts, **about)


def attempts(result: list[Entry]) -> list[str]:
    """A line for each attempt that was started, and for each product that runs again when it receives the events of these."""
    started, more = uncut([each for each in result if "attempt" in each or "more" in each])
    lines = [
        f"{each['product']} for {each['business_date']}: attempt {each['attempt']}{_loads(each)}" for each in started
    ]
    lines += [f"and {more:,} more"] if more else []
    later = [each for each in result if not {"attempt", "more"} & each.keys()]
    if later:
        lines.append("Reached by events, where these have ended:")
        lines += [f"  {each['product']} for {each['business_date']}, {_place(each)}" for each in later]
    return lines


def _loads(each: Entry) -> str:
    return f", which loads {loaded(each['files'])}" if "files" in each else ""


def _place(each: Entry) -> str:
    return f"in {each['runs_in']}" if each["runs_in"] else "here, behind products of other accounts"
