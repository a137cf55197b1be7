"""Findings as values: rules make them, `places` adds lines, `cli.report` prints them."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """An error stops `generate`; a warning is shown and lets it pass."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with a stable id. `title` names what is wrong, `why` states the consequence.

    `partial`: the check draws conclusions only from what the metadata holds, never from what is missing, so it also applies to a
    product of which some parts could not be read.

    `credential`: what is found may be one, and a report does not show it: reports stand in logs that many read.
    """

    id: str
    title: str
    why: str
    severity: Severity = Severity.ERROR
    partial: bool = False
    credential: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong at one place.

    `pointer` is a JSON pointer (RFC 6901) into the document; `line` and `column` count from 1 and are 0 until resolved.
    """

    rule: Rule
    file: Path
    pointer: str
    found: str
    expected: str
    hint: str = ""
    line: int = 0
    column: int = 0

    def at(self, line: int, column: int) -> "Finding":
        return replace(self, line=line, column=column)

    def on(self, line: int) -> "Finding":
        """At the beginning of the line; of no line if it is 0."""
        return self.at(line, 1 if line else 0)

    @property
    def is_error(self) -> bool:
        return self.rule.severity is Severity.ERROR

    def order(self) -> tuple[str, int, int, str, str, str]:
        """Findings are reported file by file, from top to bottom."""
        return (self.file.as_posix(), self.line, self.column, self.rule.id, self.pointer, self.found)


def pointer(*parts: str | int) -> str:
    """The JSON pointer of a path of keys and indexes."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def pointer_parts(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]
