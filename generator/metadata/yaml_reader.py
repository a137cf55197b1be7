"""Reads one YAML document with libyaml, by the rules of YAML 1.2's core schema.

YAML 1.1, PyYAML's default, reads `on:` as true, `14:00` as 840 and `2026-01-01` as a date. Metadata is full of all three,
so scalars are resolved here. Two equal keys, merge keys, several documents in one file and aliases that expand
without bound are refused with the place where they stand.
"""

import math
import re
from typing import Any

import yaml

from headgate.generator.findings import Rule, pointer
from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.reading_rules import (
    DUPLICATE_KEY,
    EXPANSION,
    NOT_YAML,
    UNREADABLE,
    WRONG_TYPE,
    WRONG_VALUE,
)
from headgate.generator.metadata.syntax_errors import syntax_error

MAX_BYTES = 256 * 1024
MAX_VALUES = 20_000
MAX_DEPTH = 40

# an account such as 012345678901 would lose its zero as a number, so it stays text
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, Any] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_MAYBE_NUMBER = frozenset("+-.0123456789")


class _Composer(yaml.CSafeLoader):
    """Composes nodes only; plain scalars keep the tag `plain`, so that they are resolved in this module."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        return "plain" if kind is yaml.ScalarNode and implicit[0] else "quoted"


def compose(data: bytes) -> yaml.Node:
    """The node tree of the only document in `data`. Raises `ReadError`."""
    if len(data) > MAX_BYTES:
        raise ReadError(
            UNREADABLE,
            f"{len(data):,} bytes",
            f"at most {MAX_BYTES:,} bytes",
            "Metadata is a page or two; is this data that landed in the wrong folder?",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise ReadError(
            UNREADABLE,
            f"byte 0x{data[error.start]:02x}",
            "text encoded as UTF-8",
            "Save the file as UTF-8.",
            line,
            column,
        ) from None
    try:
        loader = _Composer(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise syntax_error(error, text) from None
    except RecursionError:
        raise ReadError(EXPANSION, "values nested without end", f"at most {MAX_DEPTH} levels") from None
    if node is None:
        raise ReadError(NOT_YAML, "an empty file", "a mapping of keys to values", line=1, column=1)
    return node


def read(data: bytes) -> dict[str, Any]:
    """The document in `data` as plain values (dict, list, str, int, float, bool, None). Raises `ReadError`."""
    values = _Values()
    document = values.value(compose(data), ())
    if values.repeated:
        values.repeated[0].others = values.repeated[1:]
        raise values.repeated[0]
    if not isinstance(document, dict):
        raise ReadError(NOT_YAML, f"a {_kind(document)}", "a mapping of keys to values", line=1, column=1)
    return document


def _error_at(node: yaml.Node, rule: Rule, found: str, expected: str, hint: str, at: str = "") -> ReadError:
    """An error at the place of the node."""
    return ReadError(rule, found, expected, hint, node.start_mark.line + 1, node.start_mark.column + 1, at)


def _kind(value: Any) -> str:
    return "list" if isinstance(value, list) else "single value"


class _Values:
    """Turns nodes into values and counts them, since an alias costs its whole subtree again."""

    def __init__(self) -> None:
        self.count = 0
        self.repeated: list[ReadError] = []  # every key that is given twice, since none of them hides the next

    def value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self.count += 1
        if self.count > MAX_VALUES or len(path) > MAX_DEPTH:
            raise _error_at(
                node,
                EXPANSION,
                f"more than {MAX_VALUES:,} values" if self.count > MAX_VALUES else f"more than {MAX_DEPTH} levels",
                f"at most {MAX_VALUES:,} values, {MAX_DEPTH} levels deep",
                "Write the values out, or put what products share under `defaults:` in domain.yaml.",
            )
        if node.tag != "plain" and node.tag != "quoted":
            raise _error_at(
                node,
                WRONG_TYPE,
                f"the tag `{node.tag}`",
                "plain values without tags",
                "Remove the tag.",
                pointer(*path),
            )
        if isinstance(node, yaml.ScalarNode):
            found = scalar(node.value) if node.tag == "plain" else node.value
            if isinstance(found, int | float) and not _fits(found):
                raise _error_at(
                    node,
                    WRONG_VALUE,
                    f"`{node.value[:40]}`",
                    "a number of at most 64 bits",
                    "Write a smaller number, or put it in quotes if it is text.",
                    pointer(*path),
                )
            return found
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key in result:
                error = ("each key once", "Join the two, or remove one.", pointer(*path, key))
                self.repeated.append(_error_at(key_node, DUPLICATE_KEY, f"`{key}` a second time", *error))
            result[key] = self.value(value_node, (*path, key))
        return result

    @staticmethod
    def _key(node: yaml.Node, path: tuple[str | int, ...]) -> str:
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        raise _error_at(node, WRONG_TYPE, "a list or mapping as a key", "a plain word as a key", "", pointer(*path))


def _fits(number: int | float) -> bool:
    """Whether the catalog, which is JSON, can hold the number."""
    return -(2**63) <= number < 2**64 if isinstance(number, int) else math.isfinite(number)


def scalar(text: str) -> Any:
    """A plain scalar by YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema), without infinities."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in _MAYBE_NUMBER and len(text) < 40:
        if _INTEGER.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text
