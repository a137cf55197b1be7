"""Templates of CloudFormation as plain values: references to the template's own resources and parameters are replaced by names.

What is known only when a stack is deployed stays as `${Name}`.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from headgate.importing.source_file import Problem, SourceError, read_json

PART = re.compile(r"\$\{!?([A-Za-z0-9:.]+)\}")


def read_template(path: Path, expected: str) -> Any:
    """The value of a file in JSON or YAML; of a template with its references replaced. Raises `SourceError`."""
    value = _read_yaml(path, expected) if path.suffix in (".yaml", ".yml", ".template") else read_json(path, expected)
    if not isinstance(value, dict) or not isinstance(value.get("Resources"), dict):
        return value
    return {**value, "Resources": {key: _resolved(each, value) for key, each in value["Resources"].items()}}


class _Loader(yaml.CSafeLoader):
    """YAML with the short forms of intrinsic functions, such as `!Ref`."""


def _function(loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _function)


def _read_yaml(path: Path, expected: str) -> Any:
    name = path.as_posix()
    try:
        return yaml.load(path.read_bytes(), _Loader)  # noqa: S506 - a safe loader, with functions as mappings
    except OSError as error:
        raise SourceError(Problem(name, "", error.strerror or str(error), expected)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else ""
        found = f"no YAML: {getattr(error, 'problem', None) or error}"
        raise SourceError(Problem(name, place, found, expected)) from None


def _resolved(value: Any, template: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, template) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, given),) = value.items()
        if key == "Ref":
            return _named(str(given), template)
        if key == "Fn::GetAtt":
            return _named(str(given[0] if isinstance(given, list) else given).partition(".")[0], template)
        if key == "Fn::Sub":
            text, values = (given[0], given[1]) if isinstance(given, list) else (given, {})
            known = {name: _resolved(each, template) for name, each in values.items()}
            return PART.sub(lambda match: str(known.get(match[1]) or _named(match[1], template)), str(text))
        if key == "Fn::Join" and isinstance(given, list) and len(given) == 2 and isinstance(given[1], list):
            return str(given[0]).join(str(_resolved(each, template)) for each in given[1])
    return {key: _resolved(each, template) for key, each in value.items()}


def _named(name: str, template: dict[str, Any]) -> Any:
    """The name of a resource, or the default of a parameter."""
    resource = template["Resources"].get(name)
    if isinstance(resource, dict):
        stated = (resource.get("Properties") or {}).get("Name")
        return _resolved(stated, template) if stated is not None else name
    parameter = (template.get("Parameters") or {}).get(name)
    if isinstance(parameter, dict) and "Default" in parameter:
        return parameter["Default"]
    return f"${{{name}}}"
