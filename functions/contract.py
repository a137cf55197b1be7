"""Checks an event against its JSON Schema in `schemas/`: the part of JSON Schema that those use, with the standard library alone."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from state.errors import BadEvent

FOLDER = Path(__file__).parent / "schemas"
OWN = Path(__file__).parent / "own_steps"
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
KEYWORDS = {
    "type", "enum", "const", "maxLength", "pattern", "format", "minimum", "maximum", "properties", "required",
    "additionalProperties", "maxProperties",
    "$schema", "$id", "title", "description",  # these check nothing
}  # fmt: skip
MOST_PROBLEMS = 10
LONGEST = 80  # of a value in a message
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)  # RFC 3339


@cache
def _schema(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if found := unknown(loaded):
        raise ValueError(f"{path.name} has what contract.py does not check: {'; '.join(found)}")
    return loaded


def require(value: Any, name: str, part: str = "") -> Any:
    """`value`, if it keeps the contract of that name, or the part of that contract for the property `part`. Raises `BadEvent` with the first
    places where it does not. `<type>/<name>` is a contract in the folder of a project's own step type."""
    schema = _schema((OWN if "/" in name else FOLDER) / f"{name}.schema.json")
    checked = schema["properties"][part] if part else schema
    problems = list(islice(_problems(value, checked, f"/{part}" if part else ""), MOST_PROBLEMS + 1))
    if problems:
        more = ["and more"] if len(problems) > MOST_PROBLEMS else []
        raise BadEvent(f"{name}: " + "; ".join(problems[:MOST_PROBLEMS] + more))
    return value


def shown(value: Any) -> str:
    """The value as it stands in a message: JSON, cut where it is long."""
    try:
        text = json.dumps(value, default=str)
    except (RecursionError, ValueError):  # nested too deep; an integer of thousands of digits
        text = f"a value of the type {type(value).__name__}"
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def unknown(schema: dict[str, Any], at: str = "") -> list[str]:
    """What a contract says and this module does not check, each with its place."""
    found = [f"{at}: {key}" for key in schema.keys() - KEYWORDS]
    found += [f"{at}: type {kind}" for kind in _types(schema) if kind not in TYPES]
    if schema.get("format", "date") not in FORMATS:
        found.append(f"{at}: format {schema['format']}")
    if re.search(r"(?<!\\)\$(?!\Z)", schema.get("pattern", "")):  # `_matches` replaces the last one only
        found.append(f"{at}: pattern {schema['pattern']}")
    if not isinstance(schema.get("additionalProperties", True), bool):
        found.append(f"{at}: additionalProperties that is a schema")
    for name, each in schema.get("properties", {}).items():
        found += unknown(each, f"{at}/{name}")
    return found


def _types(schema: dict[str, Any]) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def _is_type(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and not (isinstance(value, bool) and kind in ("integer", "number"))


def _problems(value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    where, kinds = at or "the event", _types(schema)
    if kinds and not any(_is_type(value, kind) for kind in kinds):
        yield f"{where} is {shown(value)}, not {' or '.join(kinds)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {shown(value)}, not one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        yield f"{where} is {shown(value)}, not {schema['const']}"
    if isinstance(value, str):
        yield from _text(value, schema, where)
    if _is_type(value, "number"):
        if value < schema.get("minimum", value):
            yield f"{where} is {shown(value)}, less than {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield f"{where} is {shown(value)}, more than {schema['maximum']}"
    if isinstance(value, dict):
        yield from _object(value, schema, at)


def _text(value: str, schema: dict[str, Any], where: str) -> Iterator[str]:
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{where} is longer than {schema['maxLength']} characters"
    if "pattern" in schema and not _matches(schema["pattern"], value):
        yield f"{where} is {shown(value)}, which does not match {schema['pattern']}"
    if "format" in schema and not FORMATS[schema["format"]](value):
        yield f"{where} is {shown(value)}, not a {schema['format']}"


def _object(value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    if len(value) > schema.get("maxProperties", len(value)):
        yield f"{at} has more than {schema['maxProperties']} entries"
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{at}/{key} is missing"
    for key, item in value.items():
        if key in properties:
            yield from _problems(item, properties[key], f"{at}/{key}")
        elif schema.get("additionalProperties", True) is False:
            yield f"{at}/{key[:LONGEST]} is not known"


def _matches(pattern: str, value: str) -> bool:
    """A pattern of JSON Schema is searched for, and its `$` is the end of the text; Python's `$` also matches before a last line feed."""
    return re.search(re.sub(r"(?<!\\)\$\Z", r"\\Z", pattern), value) is not None


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_moment(value: str) -> bool:
    try:
        return _MOMENT.fullmatch(value) is not None and datetime.fromisoformat(value.upper()).tzinfo is not None
    except ValueError:
        return False


FORMATS: dict[str, Callable[[str], bool]] = {"date": _is_date, "date-time": _is_moment}
