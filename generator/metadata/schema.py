"""Checks documents against the JSON Schemas; findings use the terms of the metadata, not those of JSON Schema.

`jsonschema_rs` decides (compiled, microseconds a document); only a document that it refuses is checked again by
`jsonschema`, whose errors are turned into findings.
"""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource
from referencing._core import Resolver  # the type of what `Registry.resolver` returns

from headgate.generator.findings import Finding, pointer
from headgate.generator.metadata import hints
from headgate.generator.metadata.reading_rules import (
    EMPTY_VALUE,
    MISSING_KEY,
    ONE_OF,
    UNKNOWN_KEY,
    WRONG_TYPE,
    WRONG_VALUE,
)
from headgate.generator.schemas import FOLDER, SUFFIX, channels
from headgate.generator.schemas import schema as source
from headgate.generator.steps import in_pipelines, of_types, step_types

BASE = "https://headgate.dev/schemas/"
TYPE_NAMES = {
    "string": "text",
    "object": "a mapping",
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


@of_types
def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its `$id`, the step types joined into the product's."""
    found = {}
    for file in sorted(FOLDER.glob("*" + SUFFIX)):
        schema = copy.deepcopy(source(file.name.removesuffix(SUFFIX)))
        found[schema["$id"]] = schema
    definitions = found[BASE + "product.schema.json"]["$defs"]
    recipients = [*channels(), "to"]
    definitions["notification"]["x-at-least-one-of"] = recipients
    definitions["notification"]["anyOf"] = [{"required": [name]} for name in recipients]
    step = definitions["step"]
    found |= {each.schema["$id"]: each.schema for each in step_types().values()}
    for name in in_pipelines():
        step["properties"][name] = {"$ref": f"steps/{name}.schema.json"}
    step["x-exactly-one-of"] = list(in_pipelines())
    step["oneOf"] = [{"required": [name]} for name in in_pipelines()]
    # a domain's defaults are a product of which nothing is required yet
    product = found[BASE + "product.schema.json"]
    found[BASE + "defaults.schema.json"] = {
        "$schema": product["$schema"],
        "$id": BASE + "defaults.schema.json",
        "title": "Defaults of a domain",
        "type": "object",
        "additionalProperties": False,
        "properties": _loosened(product["properties"], product["$defs"]),
    }
    return found


def _loosened(properties: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A default may give part of a section; the keys that a section requires are checked in the product, after merging."""
    loose = {}
    for key, value in properties.items():
        section = definitions["schedule"] if key == "schedule" else value
        loose[key] = {
            name: part for name, part in section.items() if name not in ("required", "oneOf", "allOf", "if", "then")
        }
    text = json.dumps(loose).replace('"#/$defs/', '"product.schema.json#/$defs/')
    result: dict[str, Any] = json.loads(text)
    return result


@of_types
def _registry() -> Registry[Any]:
    return Registry().with_resources([(name, Resource.from_contents(schema)) for name, schema in schemas().items()])


@of_types
def _compiled(name: str) -> Any:
    registry = jsonschema_rs.Registry([(key, schema) for key, schema in schemas().items()])
    return jsonschema_rs.Draft202012Validator(schemas()[BASE + name], registry=registry)


@of_types
def _explainer(name: str) -> Draft202012Validator:
    return Draft202012Validator(schemas()[BASE + name], registry=_registry())


def is_valid(document: Any, name: str) -> bool:
    """Whether `check` finds nothing."""
    valid: bool = _compiled(name).is_valid(document)
    return valid


def root(name: str) -> tuple[dict[str, Any], Resolver[Any]]:
    """The schema `name` with what its references resolve by."""
    return schemas()[BASE + name], _registry().resolver(BASE + name)


def check(document: Any, name: str, file: Path, prefix: str = "") -> list[Finding]:
    """The findings of `document` against the schema `name` (`product.schema.json`); pointers begin with `prefix`."""
    return [] if is_valid(document, name) else explain(document, _explainer(name), file, prefix)


def explain(document: Any, validator: Draft202012Validator, file: Path, prefix: str = "") -> list[Finding]:
    """What the validator finds in the document, in the terms of the metadata."""
    findings: dict[tuple[str, str], Finding] = {}
    for error in validator.iter_errors(document):
        for finding in _explain(error, file, prefix):
            findings.setdefault((finding.rule.id, finding.pointer + finding.found), finding)
    return sorted(findings.values(), key=Finding.order)


def _explain(error: ValidationError, file: Path, prefix: str) -> Iterator[Finding]:
    schema: dict[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    at = prefix + pointer(*error.absolute_path)
    value = error.instance
    match error.validator:
        case "additionalProperties" if isinstance(value, dict):
            known = list(schema.get("properties", ()))
            for key in value:
                if key not in known:
                    yield Finding(
                        UNKNOWN_KEY,
                        file,
                        f"{at}{pointer(key)}",
                        f"`{key}`",
                        hints.listing(known),
                        hints.did_you_mean(key, known),
                    )
        case "required":
            missing = next(key for key in error.validator_value if f"'{key}'" in error.message)
            if not _misspelt(value, missing, schema):  # the unknown key is reported, with the right spelling
                yield Finding(MISSING_KEY, file, at, f"no `{missing}`", _about(schema, missing))
        case "dependentRequired":
            for key, others in error.validator_value.items():
                for other in others:
                    if key in value and other not in value:
                        mutual = key in error.validator_value.get(other, ())
                        expected = "both or neither" if mutual else f"`{other}` beside `{key}`"
                        yield Finding(MISSING_KEY, file, at, f"`{key}` without `{other}`", expected)
        case "oneOf" | "anyOf" if not isinstance(value, dict):
            return  # the wrong type is reported by itself
        case "oneOf" | "anyOf":
            keys = schema.get("x-exactly-one-of") or schema.get("x-at-least-one-of", [])
            present = [key for key in keys if key in value]
            found = " and ".join(f"`{key}`" for key in present) if present else f"none of {hints.listing(keys)}"
            much = "exactly one" if "x-exactly-one-of" in schema else "at least one"
            yield Finding(ONE_OF, file, at, found, f"{much} of {hints.listing(keys)}")
        case "type":
            wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
            if value is None:
                yield Finding(
                    EMPTY_VALUE, file, at, "nothing", _wanted(schema, wanted), "Give a value, or remove the key."
                )
            else:
                yield Finding(
                    WRONG_TYPE,
                    file,
                    at,
                    hints.shown(value),
                    _wanted(schema, wanted),
                    hints.for_type(value, wanted, schema),
                )
        case "propertyNames":
            yield Finding(WRONG_VALUE, file, at, hints.shown(value), "names as documented")
        case "minItems" | "maxItems" | "uniqueItems":
            limits = {"minItems": "at least", "maxItems": "at most"}
            limit = (
                f"a list of {limits[error.validator]} {error.validator_value}"
                if error.validator in limits
                else "no entry twice"
            )
            yield Finding(WRONG_VALUE, file, at, hints.shown(value), schema.get("x-expected", limit))
        case _:
            yield Finding(
                WRONG_VALUE if value is not None else EMPTY_VALUE,
                file,
                at,
                hints.shown(value),
                *_allowed(error, schema),
            )


def _allowed(error: ValidationError, schema: dict[str, Any]) -> tuple[str, str]:
    value, limit = error.instance, error.validator_value
    expected = schema.get("x-expected")
    hint = ""
    match error.validator:
        case "enum":
            expected = expected or hints.listing([str(each) for each in limit])
            hint = hints.did_you_mean(str(value), [str(each) for each in limit])
        case "minimum":
            expected = expected or f"{limit} or more"
        case "maximum":
            expected = expected or f"{limit} or less"
        case "maxLength" | "minLength":
            expected = expected or f"at {'most' if error.validator == 'maxLength' else 'least'} {limit} characters"
        case "pattern":
            hint = hints.for_text(str(value), schema)
    return expected or str(error.message), hint


def _wanted(schema: dict[str, Any], types: list[str]) -> str:
    return str(schema.get("x-expected") or " or ".join(TYPE_NAMES[each] for each in types))


def _misspelt(value: Any, missing: str, schema: dict[str, Any]) -> bool:
    known = list(schema.get("properties", ()))
    return any(f"`{missing}`" in hints.did_you_mean(str(key), known) for key in value if key not in known)


def _about(schema: dict[str, Any], key: str) -> str:
    part = schema.get("properties", {}).get(key, {})
    text = part.get("description") or ""
    return f"`{key}`" + (f": {text[0].lower()}{text[1:].rstrip('.')}" if text else "")
