"""The one form in which JSON is written to disk: keys in the order they were rendered, two spaces a level, and whatever
fits on a line of 120 on one line. An item of a list may take a line of 300: a retrier is one line in a diff, not twelve."""

import json
from typing import Any

import orjson

WIDTH, ITEM_WIDTH = 120, 300
_spaced: dict[bytes, str] = {}  # short values recur in every machine


def canonical(value: Any) -> bytes:
    """`value` as bytes that end in a newline."""
    parts: list[str] = []
    _write(value, 0, 0, WIDTH, parts)
    parts.append("\n")
    return "".join(parts).encode()


def _write(value: Any, indent: int, used: int, width: int, parts: list[str]) -> None:
    """Appends `value`; `used` is what its line already holds, the comma after it included."""
    if not isinstance(value, dict | list) or not value:
        parts.append(orjson.dumps(value).decode())
        return
    raw = orjson.dumps(value)
    if len(raw) + used < width:  # the spaces come on top, so this only rules the long ones out
        text = _spaced.get(raw)
        if text is None:
            text = json.dumps(value, ensure_ascii=False)
            if len(_spaced) < 100_000:
                _spaced[raw] = text
        if len(text) + used <= width:
            parts.append(text)
            return
    inner = "  " * (indent + 1)
    if isinstance(value, dict):
        separator = "{\n" + inner
        for key, item in value.items():
            head = f"{orjson.dumps(key).decode()}: "
            parts.append(separator + head)
            _write(item, indent + 1, len(inner) + len(head) + 1, WIDTH, parts)
            separator = ",\n" + inner
        parts.append("\n" + "  " * indent + "}")
    else:
        separator = "[\n" + inner
        for item in value:
            parts.append(separator)
            _write(item, indent + 1, len(inner) + 1, ITEM_WIDTH, parts)
            separator = ",\n" + inner
        parts.append("\n" + "  " * indent + "]")
