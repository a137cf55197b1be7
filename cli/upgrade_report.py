"""What `headgate upgrade` shows: what changes by meaning, and what stands in the way."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headgate.cli.formatting import few, plural
from headgate.generator.output import Changes
from headgate.projects.upgrading import Upgrade

MACHINE = ".asl.json"


def obstacles(upgrade: Upgrade) -> Iterator[str]:
    """Why nothing can be changed, and what to do; nothing if it can."""
    if upgrade.edits:
        yield "these files belong to Headgate, and are not as it brought them:"
        yield from (f"  {each.path} ({each.how})" for each in upgrade.edits)
    if upgrade.clashes:
        yield "these files are kept as the project has them, and Headgate's own have changed since:"
        yield from (f"  {each}" for each in upgrade.clashes)
    named = [*(each.path for each in upgrade.edits), *upgrade.clashes]
    if named:
        yield "Nothing was changed. Commit what you have first, then choose:"
        keep = f"headgate upgrade --keep {named[0]}"
        yield f"  {'headgate upgrade --overwrite'.ljust(len(keep))}  takes Headgate's files; version control keeps yours"
        yield f"  {keep}  keeps your file from now on; repeat --keep for each"
        yield "A step type of your own needs no change of Headgate's files: it has its place in steps/."


def lines(upgrade: Upgrade, machines: Changes) -> Iterator[str]:
    """The upgrade for people."""
    old, new = (upgrade.before.version if upgrade.before else "no version"), upgrade.after.version
    if not (upgrade or machines):
        yield f"Nothing to do: the project is as Headgate {new} brings it."
        return
    yield f"From {old} to {new}:" if old != new else f"Headgate {new}:"
    counts = [
        f"{plural(len(paths), 'file')} {word}"
        for paths, word in ((upgrade.created, "new"), (upgrade.changed, "changed"), (upgrade.removed, "removed"))
        if paths
    ]
    if counts:
        yield f"  application  {', '.join(counts)}"
    if upgrade.after.kept:
        yield f"  kept         {few(sorted(upgrade.after.kept))}, as the project has it"
    if upgrade.state_migrations:
        names = [Path(each).stem for each in upgrade.state_migrations]
        yield f"  state        {plural(len(names), 'migration')}, applied by the next deployment before any function changes: {few(names)}"
    yield from _template(upgrade)
    yield f"  machines     {_machines(machines)}"
    for migration in upgrade.needed:
        yield f"  metadata     {migration.what}"
    for each in upgrade.rewritten:
        yield ""
        before, after = each.before.splitlines(), each.after.splitlines()
        yield from (line.rstrip("\n") for line in difflib.unified_diff(before, after, each.path, each.path, n=0))
    yield ""
    yield "A local application that runs goes on with what it was started from: `headgate down` and `headgate up` take the new version, and keep its data."


def _template(upgrade: Upgrade) -> Iterator[str]:
    if not upgrade.resources:
        return
    parts = [f"{more:+d} {kind}" for kind, more in upgrade.resources.items()]
    yield f"  template     {', '.join(parts)}"
    if upgrade.monthly:
        yield f"  costs        {upgrade.monthly:+.2f} USD a month for alarms, keys and secrets, by list prices"


def _machines(changes: Changes) -> str:
    counts = []
    for paths, word in ((changes.created, "new"), (changes.changed, "changed"), (changes.removed, "removed")):
        found = [each.removesuffix(MACHINE) for each in paths if each.endswith(MACHINE)]
        if found:
            counts.append(f"{len(found):,} {word} ({few(found)})")
    others = len(changes.created) + len(changes.changed) + len(changes.removed)
    others -= sum(each.endswith(MACHINE) for each in (*changes.created, *changes.changed, *changes.removed))
    if others:
        counts.append(f"{others:,} of the templates and the catalog")
    return "; ".join(counts) or "none changes"


def as_json(upgrade: Upgrade, machines: Changes, applied: bool) -> dict[str, Any]:
    return {
        "from": upgrade.before.version if upgrade.before else None,
        "to": upgrade.after.version,
        "applied": applied,
        "created": upgrade.created,
        "changed": upgrade.changed,
        "removed": upgrade.removed,
        "kept": sorted(upgrade.after.kept),
        "state_migrations": upgrade.state_migrations,
        "resources": upgrade.resources,
        "monthly_usd": round(upgrade.monthly, 2),
        "metadata": [each.what for each in upgrade.needed],
        "rewritten": [each.path for each in upgrade.rewritten],
        "generated": {"created": machines.created, "changed": machines.changed, "removed": machines.removed},
    }
