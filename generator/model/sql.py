"""Statements of SQL, as far as they can be told apart without knowing the dialect."""

import re

# Texts, quoted names, comments and Redshift's bodies of procedures, in which a semicolon ends no statement.
_PART = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\2)|;""", re.DOTALL)


def statements(text: str) -> int:
    """How many statements the text has; comments are none."""
    rest = _PART.sub(lambda each: ";" if each[0] == ";" else " " if each[0][:2] in ("--", "/*") else "x", text)
    return sum(bool(each.strip()) for each in rest.split(";"))
