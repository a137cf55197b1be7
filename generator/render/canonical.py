"""The one form in which JSON is written to disk: keys in the order they were rendered, two spaces a level.

Small parts stand on one line: up to 4 values, or 12 for an item of a list (a retrier is one line of a diff, not twelve),
and lists of plain values whatever their length. What counts is the number of values and never how long they are, so that
a changed name changes one line and moves no other.
"""

from functools import cache
from typing import Any

import orjson

SMALL, SMALL_ITEM = 4, 12


def canonical(value: dict[str, Any] | list[Any]) -> bytes:
    """`value` as bytes that end in a newline."""
    return (_write(value, "\n", SMALL)[0] + "\n").encode()


@cache
def _head(key: str) -> str:
    """A key as it is written; there are few, and each is written often."""
    return f"{orjson.dumps(key).decode()}: "


def _write(value: Any, line: str, limit: int) -> tuple[str, int, str]:
    """The text, the number of plain values in it, and the text on one line where those are few.

    `line` is a line break with the indentation of the line that `value` stands on.
    """
    inner = line + "  "
    parts, short, weight = [], [], 0
    if isinstance(value, dict):
        opening, closing, plain = "{", "}", False
        for key, item in value.items():
            if isinstance(item, dict | list):
                text, count, one_line = _write(item, inner, SMALL)
                head = _head(key)
                parts.append(head + text)
                short.append(head + one_line)
                weight += count
            else:
                pair = _head(key) + orjson.dumps(item).decode()
                parts.append(pair)
                short.append(pair)
                weight += 1
    else:
        opening, closing, plain = "[", "]", True
        for item in value:
            if isinstance(item, dict | list):
                text, count, one_line = _write(item, inner, SMALL_ITEM)
                parts.append(text)
                short.append(one_line)
                weight += count
                plain = False
            else:
                text = orjson.dumps(item).decode()
                parts.append(text)
                short.append(text)
                weight += 1
    if plain:
        one_line = f"[{', '.join(parts)}]"
        return one_line, weight if weight <= SMALL_ITEM else 1, one_line  # a long list counts as one value
    spread = "" if weight <= limit else f"{opening}{inner}{f',{inner}'.join(parts)}{line}{closing}"
    one_line = f"{opening}{', '.join(short)}{closing}" if weight <= SMALL_ITEM else ""
    return spread or one_line, weight, one_line
