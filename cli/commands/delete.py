"""`headgate delete`: deletes the stacks of the application. Its data stays, unless `--data` says otherwise."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headgate.cli import terminal
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.operate import add_confirmation, confirm
from headgate.cli.progress import Stages
from headgate.cli.target import add_target, target

if TYPE_CHECKING:
    from headgate.deployment.kept import Kept

SNAPSHOT = "Snapshot"
UNNAMED = ""  # the value of --data without a name


def add(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "--data", nargs="?", const=UNNAMED, metavar="NAME",
        help="delete what stays of the stacks as well: buckets with all versions, the final snapshot of the database, the key; NAME, which --yes needs, is the name of the root stack",
    )  # fmt: skip
    add_confirmation(parser, "show what would be deleted, and delete nothing", "deleted")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if a stack, or with `--data` any of the data, could not be deleted."""
    from botocore.exceptions import BotoCoreError, ClientError

    from headgate.deployment.deletion import Deletion
    from headgate.deployment.deploy import DeploymentError

    with_data = arguments.data is not None
    try:
        found = target(arguments)
        if with_data:
            _check_name(arguments, found.root)
        account = found.session.client("sts").get_caller_identity()["Account"]
        where = f"account {account}, {found.session.region_name}"
        deletion = Deletion(found.root, found.session.client("cloudformation"), with_data)
        try:
            stacks, kept = deletion.stacks(), deletion.kept()
        except DeploymentError as error:
            raise UsageError(str(error)) from None
        if with_data:
            from headgate.cli.deleted_data import delete_with_data
            from headgate.deployment.erasing import Erasure

            return delete_with_data(arguments, deletion, Erasure(found.session.client, account), where, stacks, kept)
        shown = "\n".join(_shown(where, stacks, kept))
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
        found_kept = [{"kind": each.kind, "name": each.name, "how": each.how} for each in kept]
        terminal.print_json({"stacks": stacks, "kept": found_kept, "deleted": not arguments.dry_run})
    else:
        for line in shown.splitlines():
            terminal.line(line)
    return FINE


def _check_name(arguments: argparse.Namespace, root: str) -> None:
    """Who does not want to be asked has to name what is deleted: --yes alone may stand in a script that is called for another environment."""
    if arguments.data not in (UNNAMED, root):
        raise UsageError(
            f"--data names {arguments.data}, but the root stack is {root}: name the stack whose data is to be deleted, or choose its environment with --config-env"
        )
    if arguments.data == UNNAMED and arguments.yes and not arguments.dry_run:
        raise UsageError(f"--yes with --data needs the name of the root stack: --data {root} --yes")


def _shown(where: str, stacks: list[str], kept: "list[Kept]") -> Iterator[str]:
    yield where
    for number, name in enumerate(stacks, start=1):
        yield f"{number:>3}. {name}: delete"
    if kept:
        yield "These stay, with their data and what they cost (`--data` deletes them as well):"
    for each in kept:
        stays = "a final snapshot of it" if each.how == SNAPSHOT else each.kind
        yield f"  {each.name} ({stays})"
