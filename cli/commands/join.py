"""`headgate join`: an account of the mesh hears what was published before it joined."""

import argparse
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.cli import terminal
from headgate.cli.application import Application, application
from headgate.cli.arguments import add_application
from headgate.cli.errors import FINDINGS, FINE, RefusedError, UsageError
from headgate.cli.formatting import plural
from headgate.generator.model.duration import seconds

SINCE = "7d"
POLL = 2  # seconds
ENDED = ("COMPLETED", "CANCELLED", "FAILED")
# EventBridge's own advice (docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html)
ARCHIVED = timedelta(minutes=10)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("account", type=_account, metavar="ACCOUNT", help="the account that hears the events")
    parser.add_argument("--to-region", metavar="REGION", help="its region (default: that of the central bus)")
    parser.add_argument(
        "--since",
        type=_period,
        default=SINCE,
        metavar="TIME",
        help=f"how far back, such as 12h or 30d (default: {SINCE})",
    )
    add_application(parser, stack="the central stack (default: the one in headgate.toml, else as with --local)")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if the replay fails."""
    target = application(arguments)
    until = datetime.now(UTC)
    since = until - arguments.since
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        rules = rules_to(target, arguments.account, arguments.to_region)
        result = replay(target, arguments.account, rules, since, until)
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"{target.name}: {error}") from None
    code = FINE if result["state"] == "COMPLETED" else FINDINGS
    if arguments.json:
        terminal.print_json(result)
        return code
    rule_count = plural(len(rules), "rule")
    if code:
        terminal.line(f"The replay {result['replay']} ended {result['state']}: {result['reason']}")
        return code
    terminal.line(
        f"Account {arguments.account} was sent what the central bus received since {since:%Y-%m-%d %H:%M} UTC, through {rule_count}. "
        "What it had received before changes nothing."
    )
    terminal.line(
        f"EventBridge needs up to ten minutes to archive an event: if the account was deployed less than ten minutes ago, repeat this after "
        f"{until + ARCHIVED:%H:%M} UTC."
    )
    terminal.line("Runs whose time of opening had passed are opened there by `headgate backfill DOMAIN`.")
    return code


def rules_to(target: Application, account: str, region: str | None) -> list[str]:
    """The ARNs of the central bus's rules that forward to the account. Accounts that receive the same domains share rules. Raises `RefusedError`,
    `UsageError`."""
    bus = target.outputs.get("CentralEventBusArn", "")
    if not bus or "EventArchiveArn" not in target.outputs:
        raise UsageError(f"{target.name} has no central bus; name the central stack with --stack")
    _, partition, service, central, owner, _ = bus.split(":", 5)
    name = bus.split("/", 1)[1]
    receiver = f"arn:{partition}:{service}:{region or central}:{account}:event-bus/{name.removesuffix('central')}domain"
    pages = (
        target.client("events")
        .get_paginator("list_rule_names_by_target")
        .paginate(TargetArn=receiver, EventBusName=name)
    )
    found = [
        f"arn:{partition}:{service}:{central}:{owner}:rule/{name}/{each}"
        for page in pages
        for each in page["RuleNames"]
    ]
    if not found:
        raise RefusedError(
            f"the central bus forwards nothing to {receiver}: deploy the account, and then the central account with the metadata that has it"
        )
    return found


def replay(target: Application, account: str, rules: list[str], since: datetime, until: datetime) -> dict[str, Any]:
    """Replays what the central bus received between these moments, through these rules alone, and waits for the end."""
    events = target.client("events")
    name = f"join-{account}-{until:%Y%m%dT%H%M%S}"
    events.start_replay(
        ReplayName=name, EventSourceArn=target.outputs["EventArchiveArn"], EventStartTime=since, EventEndTime=until,
        Description=f"headgate join {account}",
        Destination={"Arn": target.outputs["CentralEventBusArn"], "FilterArns": rules},
    )  # fmt: skip
    while True:
        found = events.describe_replay(ReplayName=name)
        if found["State"] in ENDED:
            return {
                "account": account, "replay": name, "rules": rules, "since": since.isoformat(), "until": until.isoformat(),
                "state": found["State"], "reason": found.get("StateReason", ""),
            }  # fmt: skip
        time.sleep(POLL)


def _account(text: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"{text}: expected the twelve digits of an AWS account")
    return text


def _period(text: str) -> timedelta:
    if not re.fullmatch(r"[1-9][0-9]{0,4}[hd]", text):
        raise argparse.ArgumentTypeError(f"{text}: expected a time such as 12h or 30d")
    return timedelta(seconds=seconds(text))
