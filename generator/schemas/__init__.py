"""The JSON Schemas of metadata, as data: `metadata` checks documents against them, `model` takes its defaults from them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SUFFIX = ".schema.json"


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema `product`, `domain`, `calendar`, `buckets` or `mesh`; not to be changed by the caller."""
    read: dict[str, Any] = json.loads((FOLDER / f"{name}{SUFFIX}").read_text("utf-8"))
    return read


def default(name: str, *path: str) -> Any:
    """The default of a property, such as `default("product", "wait", "deadline")`. A path that begins with the name of one of
    the schema's `$defs` starts there. Raises KeyError where the schema states none."""
    part = schema(name)
    if path[0] in part.get("$defs", {}):
        part, path = part["$defs"][path[0]], path[1:]
    for key in path:
        part = part["properties"][key]
    return part["default"]


@cache
def channels() -> tuple[str, ...]:
    """The channels that a notification can name, in the order of the schema: the properties marked `x-channel`."""
    return _marked("x-channel")


@cache
def paging() -> tuple[str, ...]:
    """The channels that wake someone: the properties marked `x-pages`."""
    return _marked("x-pages")


def _marked(mark: str) -> tuple[str, ...]:
    properties = schema("product")["$defs"]["notification"]["properties"]
    return tuple(key for key, part in properties.items() if part.get(mark))
