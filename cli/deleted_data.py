"""`headgate delete --data`: what is shown before the stacks and their data are deleted, and what became of each resource."""

import argparse
from collections.abc import Iterator
from typing import Any

from headgate.cli import terminal
from headgate.cli.errors import FINDINGS, FINE
from headgate.cli.operate import confirm
from headgate.cli.progress import Stages
from headgate.deployment.deletion import Deletion
from headgate.deployment.deploy import DeploymentError
from headgate.deployment.erasing import Erasure, Outcome
from headgate.deployment.holdings import Holding
from headgate.deployment.kept import Kept

AGAIN = "Remove the cause and delete again: it goes on with what is left"


def delete_with_data(
    arguments: argparse.Namespace, deletion: Deletion, erasure: Erasure, where: str, stacks: list[str], kept: list[Kept]
) -> int:
    """Shows all, asks for the name of the root stack, and deletes the stacks, then the data. Exit code 1 if some of the data could not be deleted or, with
    `--dry-run`, looked at. Raises `RefusedError`, and `DeploymentError` if a stack was not deleted: no data was deleted then."""
    holdings = erasure.look(kept)
    shown = [where, *_shown(deletion, stacks, holdings)]
    outcomes: list[Outcome] = []
    to_do = not arguments.dry_run and (stacks or any(each.deletes for each in holdings))
    if not arguments.json and (arguments.yes or not to_do):
        for line in shown:
            terminal.line(line)
    if to_do:
        confirm(arguments, "\n".join(shown), deletion.root, f"--data {deletion.root} --yes")
        with Stages(arguments.json) as stages:
            try:
                deletion.run(stages)
            except DeploymentError as error:
                raise DeploymentError(f"{error}\nNo data was deleted") from None
            outcomes = list(erasure.erase(holdings, stages))
    failed = [f"{_named(each.kept)}: {each.error}" for each in (outcomes or holdings) if each.error]
    if arguments.json:
        terminal.print_json(_answer(arguments, stacks, holdings, outcomes))
        return FINDINGS if failed else FINE
    for each in outcomes:
        if each.result:
            terminal.line(f"{_named(each.kept)}: {each.result}")
    if failed:
        what = "These were not deleted:" if outcomes else "These could not be looked at:"
        terminal.error("delete", "\n  ".join([what, *failed]) + (f"\n{AGAIN}" if outcomes else ""))
    return FINDINGS if failed else FINE


def _shown(deletion: Deletion, stacks: list[str], holdings: list[Holding]) -> Iterator[str]:
    for each in deletion.gone():
        yield f"stack {each.name} was deleted on {each.deleted:%Y-%m-%d %H:%M}"
    for number, name in enumerate(stacks, start=1):
        yield f"{number:>3}. {name}: delete"
    if deleted := [each for each in holdings if each.deletes]:
        yield "Then this data is deleted, and nothing brings it back:"
        yield from (f"  {_named(each.kept)}: {each.holds}" for each in deleted)
    if staying := [each for each in holdings if each.stays]:
        yield "These stay, with what they cost:"
        yield from (f"  {_named(each.kept)}: {each.stays}" for each in staying)
    if not holdings:
        yield "There is no data that stays."


def _named(kept: Kept) -> str:
    return f"{kept.name} ({kept.kind})"


def _answer(
    arguments: argparse.Namespace, stacks: list[str], holdings: list[Holding], outcomes: list[Outcome]
) -> dict[str, Any]:
    """`data` is what is deleted, with what became of it; `kept` is what stays."""
    became = {each.kept: each for each in outcomes}
    return {
        "stacks": stacks,
        "data": [_data(each, became.get(each.kept)) for each in holdings if each.deletes],
        "kept": [
            {"kind": each.kept.kind, "name": each.kept.name, "how": each.kept.how, "why": each.stays}
            for each in holdings
            if each.stays
        ],
        "deleted": not arguments.dry_run,
    }


def _data(holding: Holding, outcome: Outcome | None) -> dict[str, str]:
    found = {"kind": holding.kept.kind, "name": holding.kept.name, "holds": holding.holds}
    if error := outcome.error if outcome else holding.error:
        return {**found, "error": error}
    return {**found, "result": outcome.result} if outcome else found
