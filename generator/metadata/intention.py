"""What the author of a document that breaks its schema most likely meant: keys moved to the level where they belong.

One wrong indentation would otherwise be several findings: an empty key, unknown keys, missing keys.
"""

import copy
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from referencing._core import Resolver

from headgate.generator.findings import Finding, pointer
from headgate.generator.metadata import schema
from headgate.generator.metadata.reading_rules import CUT_VALUE, INDENTATION

Document = dict[str, Any]
Schema = tuple[dict[str, Any], Resolver[Any]]
Path_ = tuple[str | int, ...]


@dataclass
class Intended:
    """The corrected `document`, a finding for each correction, and the pairs of pointers (corrected, as written)."""

    document: Document
    findings: list[Finding] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)

    def as_written(self, at: str) -> str:
        """The pointer into the file of a pointer into the corrected document."""
        for corrected, written in self.moved:
            if at == corrected or at.startswith(corrected + "/"):
                return written + at[len(corrected) :]
        return at


@dataclass(frozen=True)
class _Level:
    mapping: Document
    known: dict[str, Schema]
    path: Path_


def intended(document: Document, name: str, file: Path) -> Intended:
    """`document` as its author most likely meant it, by the schema `name` (`product.schema.json`)."""
    result = Intended(copy.deepcopy(document))
    _Corrections(result, file).value(result.document, schema.root(name), (), ())
    return result


class _Corrections:
    def __init__(self, result: Intended, file: Path) -> None:
        self.result, self.file = result, file

    def value(self, value: Any, described: Schema, path: Path_, above: tuple[_Level, ...]) -> None:
        if isinstance(value, list):
            items = _items(described)
            for index, item in enumerate(value if items else ()):
                assert items is not None
                self.value(item, items, (*path, index), above)
        elif isinstance(value, dict):
            level = _Level(value, _properties(described), path)
            if level.known:  # else any key is allowed
                self._cut(level)
                self._too_little(level)
                self._too_much(level, above)
                for key, part in list(value.items()):
                    if key in level.known:
                        self.value(part, level.known[key], (*path, key), (level, *above))

    def _cut(self, level: _Level) -> None:
        """`{cron: 0 3,15 * * ? *}`: inside braces a comma ends a value, and the rest becomes a key of its own."""
        cron = level.mapping.get("cron")
        rest = _after(level, "cron", lambda key: (level.mapping[key] is None and " " in key) or key.isdigit())
        if "cron" in level.known and isinstance(cron, str | int) and rest:
            whole = ",".join([str(cron), *rest])
            for key in rest:
                del level.mapping[key]
            level.mapping["cron"] = whole
            self._add(
                CUT_VALUE,
                (*level.path, "cron"),
                f"`{cron}`, and `{rest[0]}` as another key",
                "the whole expression in quotes",
                f'Write cron: "{whole}".',
            )

    def _too_little(self, level: _Level) -> None:
        """Keys beside an empty key that belong inside it."""
        for outer in [key for key, value in level.mapping.items() if value is None and key in level.known]:
            inside = _properties(level.known[outer])
            keys = _after(level, outer, lambda key, inside=inside: key in inside)
            if keys:
                level.mapping[outer] = {key: level.mapping.pop(key) for key in keys}
                self._moved(keys, (*level.path, outer), level.path)
                self._add(
                    INDENTATION,
                    (*level.path, keys[0]),
                    f"{_and(keys)} beside `{outer}`, which is empty",
                    f"{_and(keys)} inside `{outer}`",
                    f"Indent {_and(keys)} two spaces further than `{outer}`.",
                )

    def _too_much(self, level: _Level, above: tuple[_Level, ...]) -> None:
        """Keys that are unknown here and belong to a level further out."""
        for outer in above:
            keys = [
                key
                for key in level.mapping
                if key not in level.known and key in outer.known and key not in outer.mapping
            ]
            if keys:
                inside = level.path[len(outer.path)]
                outer.mapping.update({key: level.mapping.pop(key) for key in keys})
                self._moved(keys, outer.path, level.path)
                self._add(
                    INDENTATION,
                    (*level.path, keys[0]),
                    f"{_and(keys)} inside `{inside}`",
                    f"{_and(keys)} beside `{inside}`",
                    f"Indent {_and(keys)} as far as `{inside}`.",
                )

    def _moved(self, keys: list[str], to: Path_, written: Path_) -> None:
        self.result.moved += [(pointer(*to, key), pointer(*written, key)) for key in keys]

    def _add(self, rule: Any, at: Path_, found: str, expected: str, hint: str) -> None:
        self.result.findings.append(Finding(rule, self.file, pointer(*at), found, expected, hint))


def _after(level: _Level, key: str, wanted: Any) -> list[str]:
    """The unknown keys that stand directly after `key`, as long as they are `wanted`."""
    keys = list(level.mapping)
    rest = keys[keys.index(key) + 1 :] if key in keys else []
    return list(takewhile(lambda each: each not in level.known and wanted(each), rest))


def _and(keys: list[str]) -> str:
    names = [f"`{key}`" for key in keys]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _properties(described: Schema) -> dict[str, Schema]:
    """The keys that a mapping can have by any branch of its schema; none where any key is allowed."""
    part, resolver = described
    found: dict[str, Schema] = {}
    for reference in (part.get("$ref"), part.get("x-properties-of")):
        if reference:
            target = resolver.lookup(reference)
            found |= _properties((target.contents, target.resolver))
    for branch in ("then", "else"):
        if branch in part:
            found |= _properties((part[branch], resolver))
    return found | {key: (each, resolver) for key, each in part.get("properties", {}).items()}


def _items(described: Schema) -> Schema | None:
    part, resolver = described
    if "$ref" in part:
        target = resolver.lookup(part["$ref"])
        return _items((target.contents, target.resolver))
    return (part["items"], resolver) if "items" in part else None
