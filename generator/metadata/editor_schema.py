"""The JSON Schemas for editors: each one document without references to others, the step types joined in.

They accept everything that `headgate validate` accepts of a single file, and less strictly: what a domain's defaults may provide
is not required, and what only the whole mesh shows is not checked.
"""

import copy
from collections.abc import Callable
from typing import Any

from headgate.generator.metadata.schema import BASE, schemas
from headgate.generator.steps import step_types

NAMES = ("product", "domain", "calendar", "buckets", "mesh")


def editor_schema(name: str) -> dict[str, Any]:
    """The schema of the files of this kind: `product`, `domain`, `calendar`, `buckets` or `mesh`."""
    known = schemas()
    product = known[f"{BASE}product.schema.json"]
    definitions = {key: _local(part) for key, part in product["$defs"].items()}
    definitions |= {_definition(each): _local(_body(known[f"{BASE}steps/{each}.schema.json"])) for each in step_types()}
    sections = _local(_body(known[f"{BASE}defaults.schema.json"]))
    joined = _local(_body(known[f"{BASE}{name}.schema.json"]))
    if name == "product":
        joined |= {"properties": sections["properties"], "required": ["description"]}  # the domain has an owner
    if name == "domain":
        joined["properties"]["defaults"] |= sections
    joined["$defs"] = definitions
    return {"$schema": product["$schema"], **_without_notes(joined)}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in copy.deepcopy(schema).items() if key not in ("$schema", "$id", "$defs")}


def _definition(step_type: str) -> str:
    return f"step type {step_type}".replace(" ", "-")


def _local(part: Any) -> Any:
    """With references that lead into the same document."""
    return _mapped(part, lambda key, value: (key, _reference(value) if key == "$ref" else value))


def _reference(reference: str) -> str:
    file, _, path = reference.partition("#")
    if path:
        return "#" + path
    return f"#/$defs/{_definition(file.rsplit('/', 1)[-1].removesuffix('.schema.json'))}"


def _without_notes(part: Any) -> Any:
    """Without the `x-` keys, which only Headgate reads."""
    return _mapped(part, lambda key, value: None if key.startswith("x-") else (key, value))


def _mapped(part: Any, change: Callable[[str, Any], tuple[str, Any] | None]) -> Any:
    if isinstance(part, list):
        return [_mapped(each, change) for each in part]
    if not isinstance(part, dict):
        return copy.deepcopy(part)
    changed = (change(key, value) for key, value in part.items())
    return {pair[0]: _mapped(pair[1], change) for pair in changed if pair}
