"""The example of a project's own step type, as a product: what keeps it from becoming a machine."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jinja2

from headgate.generator.findings import Finding
from headgate.generator.metadata import schema
from headgate.generator.metadata.merge import merge
from headgate.generator.metadata.own_types import finding
from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.yaml_reader import read
from headgate.generator.model import build
from headgate.generator.model.product import Product
from headgate.generator.plan.outline import outline
from headgate.generator.render.machine import render_machine
from headgate.generator.steps import StepType


def example_product(kind: StepType) -> Product:
    """A product whose pipeline is the type's example."""
    return build.product("examples", kind.name.replace("_", "-"), _document(kind))


def problems(kind: StepType) -> Iterator[Finding]:
    """What keeps the example from becoming a machine."""
    path = kind.example
    try:
        document = _document(kind)
    except (ReadError, OSError, ValueError) as error:
        yield finding(path, str(error), f"a step of the type `{kind.name}`")
        return
    found = schema.check(document, "product.schema.json", path)
    if found:
        yield from (replace(each, pointer=each.pointer.removeprefix("/pipeline/steps/0")) for each in found)
        return
    try:
        render_machine(outline(example_product(kind)))
    except jinja2.TemplateError as error:
        unusable = finding(kind.template, str(error.message), "a template of Jinja2 that knows `step`")
        yield unusable.on(getattr(error, "lineno", 0) or 0)
    except ValueError as error:
        yield finding(kind.template, f"no JSON: {error}", "the form of a state, whose values go through `tojson`")


def _document(kind: StepType) -> dict[str, Any]:
    step = read(kind.example.read_bytes())
    if not isinstance(step, dict):
        raise ValueError("it holds no step")
    given = {"description": f"Example of {kind.name}", "owner": "examples", "pipeline": {"steps": [step]}}
    return merge({}, given)
