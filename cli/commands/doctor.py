"""`headgate doctor`: what is installed on this machine, what is missing, and how to get it."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from headgate.cli import account_diagnosis, diagnosis, staging, terminal
from headgate.cli.defaults import read_defaults
from headgate.cli.diagnosis import Check, State
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.formatting import plural
from headgate.cli.progress import Stages


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--install", action="store_true", help="make the environment of aws-sam-cli first, if there is no `sam`"
    )
    parser.add_argument("--no-aws", action="store_true", help="do not ask AWS about credentials and quotas")
    parser.add_argument("--region", help="the region (default: the one in headgate.toml or of the AWS CLI)")
    parser.add_argument("--profile", help="the AWS profile (default: the one in headgate.toml or of the AWS CLI)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if something that is needed is missing."""
    if arguments.install:
        with Stages(arguments.json) as stages:
            staging.require_sam(stages)
    checks = list(_checks(arguments))
    missing = [each for each in checks if each.state is State.MISSING]
    if arguments.json:
        terminal.print_json({"checks": [{**vars(each), "state": each.state.value} for each in checks]})
    else:
        terminal.table([[each.name, each.state.value, _text(each)] for each in checks])
        terminal.line()
        terminal.line(f"{plural(len(missing), 'thing')} missing" if missing else "Everything that is needed is there.")
    return FINDINGS if missing else FINE


def _text(check: Check) -> str:
    return f"{check.found}; {check.how}" if check.how else check.found


def _checks(arguments: argparse.Namespace) -> Iterator[Check]:
    yield from diagnosis.of_machine(Path.cwd())
    if not arguments.no_aws:
        yield from _of_account(arguments)


def _of_account(arguments: argparse.Namespace) -> Iterator[Check]:
    import boto3
    from botocore.exceptions import BotoCoreError

    defaults = read_defaults()
    options = {
        "region_name": arguments.region or defaults.region,
        "profile_name": arguments.profile or defaults.profile,
    }
    try:
        session = boto3.Session(**{key: value for key, value in options.items() if value})
    except BotoCoreError as error:
        raise UsageError(str(error)) from None
    yield from account_diagnosis.of_account(session, account_diagnosis.planned_deployment())
    yield from account_diagnosis.of_setups(session, Path.cwd())
