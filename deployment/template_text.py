"""The template of an application as JSON, which SAM reads in a tenth of the time that YAML takes it."""

import json
from pathlib import Path
from typing import Any

import yaml

TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.CSafeLoader):
    """Reads `!Ref x` as {"Ref": x}, `!GetAtt x.y` as {"Fn::GetAtt": ["x", "y"]}, and a date as text, as SAM does."""

    yaml_implicit_resolvers = {
        first: [each for each in found if each[0] != TIMESTAMP]
        for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def _short_form(loader: yaml.CSafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        value = value.split(".", 1) if name == "GetAtt" else value
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _short_form)


def read(template: Path) -> dict[str, Any]:
    """The content of a template, in YAML or JSON, without short forms. Raises `yaml.YAMLError`."""
    content: dict[str, Any] = yaml.load(template.read_bytes(), _Loader)  # noqa: S506 - a SafeLoader
    return content


def as_json(template: Path) -> str:
    """The template as JSON text of the same content; one that is no YAML as it stands, for SAM to say what is wrong."""
    try:
        return json.dumps(read(template), ensure_ascii=False)
    except (yaml.YAMLError, TypeError):
        return template.read_text("utf-8")
