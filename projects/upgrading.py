"""How a project comes to the version of Headgate that is installed: what changes, what stands in the way, and the change itself."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from headgate.projects import begin, brought, migrations
from headgate.projects.manifest import Edit, Manifest, digest, digest_of
from headgate.projects.migrations import Migration, Rewritten

# USD a month, whatever happens: aws.amazon.com/cloudwatch/pricing, /kms/pricing, /secrets-manager/pricing (us-east-1)
MONTHLY = {"AWS::CloudWatch::Alarm": 0.10, "AWS::KMS::Key": 1.00, "AWS::SecretsManager::Secret": 0.40}


@dataclass(frozen=True)
class Upgrade:
    """`before` is None for a project that has no manifest yet. `edits` and `clashes` stand in the way: files that were edited, and files that the project
    keeps on purpose while Headgate's own have changed. `resources` is how many more of each type the template has."""

    project: Path
    before: Manifest | None
    after: Manifest
    created: list[str]
    changed: list[str]
    removed: list[str]
    edits: list[Edit]
    clashes: list[str]
    state_migrations: list[str]
    resources: dict[str, int]
    needed: list[Migration]
    rewritten: list[Rewritten]
    content: dict[str, bytes] = field(repr=False)

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return bool(
            self.created or self.changed or self.removed or self.rewritten or self.edits or self.before != self.after
        )

    @property
    def monthly(self) -> float:
        """How much more the template costs a month before anything runs, in USD."""
        return sum(MONTHLY.get(kind, 0.0) * more for kind, more in self.resources.items())

    def apply(self) -> None:
        """Does it, the manifest last: after a crash the same upgrade goes on."""
        for each in self.rewritten:
            begin.write(self.project / each.path, each.after.encode("utf-8", errors="surrogateescape"))
        for path in (*self.created, *self.changed):
            begin.write(self.project / path, self.content[path])
        for path in self.removed:
            (self.project / path).unlink(missing_ok=True)
        begin.link(self.project)
        self.after.write(self.project)


def planned(
    project: Path, before: Manifest | None, version: str, keep: Collection[str] = (), overwrite: bool = False,
    known: Sequence[Migration] = migrations.MIGRATIONS,
) -> Upgrade:  # fmt: skip
    """What the upgrade changes. Of `keep` the project's own files stay; with `overwrite` all other edited ones are replaced."""
    mine = brought.files()
    wanted = {path: digest(content) for path, content in mine.items()}
    there = {path: digest_of(project / path) for path in {*wanted, *brought.present(project)}}
    old = before.files if before else {path: found for path, found in there.items() if found}
    kept_before = before.kept if before else frozenset()
    edits = [] if before is None else [each for each in before.edits(project) if not _is_done(each.path, there, wanted)]
    clashes = sorted(path for path in kept_before if wanted.get(path) != old.get(path) and path not in keep)
    replaced = {each.path for each in edits} | set(clashes) if overwrite else set()
    kept = frozenset((set(kept_before) | set(keep)) - (replaced - set(keep)))
    needed = migrations.since(before.metadata if before else 0, known)
    return Upgrade(
        project,
        before,
        Manifest(version, max((each.version for each in known), default=0), wanted, kept),
        sorted(path for path in wanted if not there[path] and path not in kept),
        sorted(path for path in wanted if there[path] and there[path] != wanted[path] and path not in kept),
        sorted(path for path in there if there[path] and path not in wanted and path not in kept),
        sorted(each for each in edits if each.path not in kept and not overwrite),
        [] if overwrite else clashes,
        sorted(path for path in wanted if path.startswith(brought.MIGRATIONS) and path not in old),
        _difference(project / brought.TEMPLATE, mine[brought.TEMPLATE]),
        needed,
        migrations.rewritten(project, needed, version),
        mine,
    )


def _is_done(path: str, there: dict[str, str], wanted: dict[str, str]) -> bool:
    """Whether an upgrade that was interrupted has brought the file already."""
    return path not in brought.LINKS and there.get(path, "") == wanted.get(path, "")


def _difference(old: Path, new: bytes) -> dict[str, int]:
    """How many more resources of each type there are, those with conditions included."""
    before = _resources(old.read_bytes()) if old.is_file() else Counter[str]()
    difference = _resources(new)
    difference.subtract(before)
    return {kind: more for kind, more in sorted(difference.items()) if more}


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's tags as nothing."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: None)


def _resources(template: bytes) -> Counter[str]:
    try:
        found: Any = yaml.load(template, _Template)  # noqa: S506 - a SafeLoader
        return Counter(str(each["Type"]) for each in found["Resources"].values())
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return Counter()  # one that was edited until it is no template any more
