"""`headgate delete`: deletes the stacks of the application. Its data stays."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headgate.cli import terminal
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.operate import add_confirmation, confirm
from headgate.cli.progress import Stages
from headgate.cli.target import add_target, target

if TYPE_CHECKING:
    from headgate.deployment.deletion import Kept

SNAPSHOT = "Snapshot"


def add(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    add_confirmation(parser, "show what would be deleted, and delete nothing", "deleted")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if a stack could not be deleted."""
    from botocore.exceptions import BotoCoreError, ClientError

    from headgate.deployment.deletion import Deletion
    from headgate.deployment.deploy import DeploymentError

    try:
        found = target(arguments)
        account = found.session.client("sts").get_caller_identity()["Account"]
        deletion = Deletion(found.root, found.session.client("cloudformation"))
        try:
            stacks, kept = deletion.stacks(), deletion.kept()
        except DeploymentError as error:
            raise UsageError(str(error)) from None
        shown = "\n".join(_shown(f"account {account}, {found.session.region_name}", stacks, kept))
        if not arguments.dry_run:
            confirm(arguments, shown)
            with Stages(arguments.json) as stages:
                deletion.run(stages)
    except (BotoCoreError, ClientError) as error:
        raise UsageError(str(error)) from None
    except DeploymentError as error:
        if arguments.json:
            terminal.print_json({"error": str(error)})
        else:
            terminal.error("delete", str(error))
        return FINDINGS
    if arguments.json:
        terminal.print_json({"stacks": stacks, "kept": [vars(each) for each in kept], "deleted": not arguments.dry_run})
    else:
        for line in shown.splitlines():
            terminal.line(line)
    return FINE


def _shown(where: str, stacks: list[str], kept: "list[Kept]") -> Iterator[str]:
    yield where
    for number, name in enumerate(stacks, start=1):
        yield f"{number:>3}. {name}: delete"
    if kept:
        yield "These stay, with their data and what they cost:"
    for each in kept:
        stays = "a final snapshot of it" if each.how == SNAPSHOT else each.kind
        yield f"  {each.name} ({stays})"
