"""Why a file holds no usable document."""

from pathlib import Path

from headgate.generator.findings import Finding, Rule


class ReadError(Exception):
    """The file holds no usable document. Carries what a finding needs; `line` and `column` count from 1, 0 is unknown.

    `others` are further faults of the same file.
    """

    def __init__(
        self, rule: Rule, found: str, expected: str, hint: str = "", line: int = 0, column: int = 0, at: str = ""
    ) -> None:
        super().__init__(found)
        self.rule, self.found, self.expected, self.hint = rule, found, expected, hint
        self.line, self.column, self.at = line, column, at
        self.others: list[ReadError] = []

    def findings(self, file: Path) -> list[Finding]:
        """This fault and the others, as findings."""
        return [
            Finding(each.rule, file, each.at, each.found, each.expected, each.hint, each.line, each.column)
            for each in (self, *self.others)
        ]
