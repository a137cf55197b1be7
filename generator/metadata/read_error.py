"""Why a file holds no usable document."""

from headgate.generator.findings import Rule


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
