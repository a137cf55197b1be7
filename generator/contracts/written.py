"""Contracts and metadata as text."""

import re
from typing import Any

import yaml

WIDTH = 120


class _Dumper(yaml.SafeDumper):
    """Writes no aliases, and puts texts that another reader of YAML may take for something else in quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def text_of(document: dict[str, Any]) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text


def with_key(text: str, key: str, value: Any) -> str:
    """The metadata file with this value under the key: in the place of the one that it has, or at the end. Everything else stays as it is."""
    block = text_of({key: value})
    lines = text.splitlines(keepends=True)
    start = next((number for number, line in enumerate(lines) if re.match(rf"{key}\s*:", line)), None)
    if start is None:
        return text + ("" if text.endswith("\n") or not text else "\n") + block
    end = start + 1
    while end < len(lines) and re.match(r"[ \t-]", lines[end]):
        end += 1
    return "".join([*lines[:start], block, *lines[end:]])
