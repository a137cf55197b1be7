"""Checks an event against its JSON Schema in `schemas/`: the part of JSON Schema that those use, with the standard library alone."""

import json
import re
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from state.errors import BadEvent

FOLDER = Path(__file__).parent / "schemas"
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


@cache
def _schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))
    return loaded


def require(value: Any, name: str, part: str = "") -> Any:
    """`value`, if it keeps the contract of that name, or the part of that contract for the property `part`. Raises `BadEvent` with every
    place where it does not."""
    schema = _schema(name)["properties"][part] if part else _schema(name)
    problems = list(_problems(value, schema, f"/{part}" if part else "", _schema(name)))
    if problems:
        raise BadEvent(f"{name}: " + "; ".join(problems))
    return value


def _problems(value: Any, schema: dict[str, Any], at: str, root: dict[str, Any]) -> Any:
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    where = at or "the event"
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (kind in ("integer", "number") and isinstance(value, bool))):
        yield f"{where} is {_shown(value)}, not {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {_shown(value)}, not one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        yield f"{where} is {_shown(value)}, not {schema['const']}"
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)):
            yield f"{where} is longer than {schema['maxLength']} characters"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{where} is {_shown(value)}, which does not match {schema['pattern']}"
        if not _is_format(value, schema.get("format", "")):
            yield f"{where} is {_shown(value)}, not a {schema['format']}"
    if isinstance(value, int) and not isinstance(value, bool) and value < schema.get("minimum", value):
        yield f"{where} is {value}, less than {schema['minimum']}"
    if isinstance(value, dict):
        yield from _object(value, schema, at, root)


def _object(value: dict[str, Any], schema: dict[str, Any], at: str, root: dict[str, Any]) -> Any:
    properties = schema.get("properties", {})
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{at}/{key} is missing"
    for key, item in value.items():
        if key in properties:
            yield from _problems(item, properties[key], f"{at}/{key}", root)
        elif schema.get("additionalProperties", True) is False:
            yield f"{at}/{key} is not known"
    if len(value) > schema.get("maxProperties", len(value)):
        yield f"{at} has more than {schema['maxProperties']} entries"


def _is_format(value: str, name: str) -> bool:
    try:
        if name == "date":
            return date.fromisoformat(value).isoformat() == value
        if name == "date-time":
            return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
    return True


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
