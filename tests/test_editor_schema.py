"""The JSON Schemas for editors, and the line by which a file names its schema."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from headgate.generator.metadata.editor_schema import NAMES, editor_schema
from headgate.generator.metadata.schema import check
from headgate.generator.metadata.yaml_reader import read
from headgate.generator.schemas import schema
from headgate.generator.steps import in_pipelines, step_types
from tests.conftest import Headgate
from tests.golden import FOLDER, expect

ROOT = Path(__file__).parent.parent
SAMPLES = sorted((ROOT / "products").glob("*/*.yaml"))


def kind_of(path: Path) -> str:
    if path.name in ("domain.yaml", "buckets.yaml"):
        return path.stem
    return "calendar" if path.parent.name == "calendars" else "product"


def faults(name: str, document: Any) -> list[str]:
    """Where the schema refuses the document. The validator has no registry: a reference out of the document would raise."""
    return [
        "/".join(map(str, each.absolute_path))
        for each in Draft202012Validator(editor_schema(name)).iter_errors(document)
    ]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_accepts_what_validate_accepts(path: Path) -> None:
    assert faults(kind_of(path), read(path.read_bytes())) == []


@pytest.mark.parametrize(
    ("name", "document", "places"),
    [
        ("product", {}, [""]),
        ("product", {"description": "x", "wait": {"deadline": "90"}}, ["wait/deadline"]),
        (
            "product",
            {"description": "x", "pipeline": {"steps": [{"name": "a", "glue": {}}]}},
            ["pipeline/steps/0/glue"],
        ),
        (
            "product",
            {"description": "x", "pipeline": {"steps": [{"name": "a", "lambda": {"function": "f", "job": "x"}}]}},
            ["pipeline/steps/0/lambda"],
        ),
        (
            "product",
            {"description": "x", "depends_on": {"all_of": [{"any_of": ["raw/rd1", "Raw"]}]}},
            ["depends_on/all_of/0/any_of/1"],
        ),
        ("product", {"description": "x", "schedule": {"timezone": "UTC"}, "owner": "a"}, []),
        ("domain", {"owner": "a", "defaults": {"wait": {"deadlin": "4h"}}}, ["defaults/wait"]),
        ("domain", {"owner": "a", "region": "nowhere"}, ["region"]),
        ("calendar", {"dates": ["tomorrow"]}, ["dates/0"]),
        ("buckets", {"landing": {"create": True}}, ["landing"]),
    ],
)
def test_refuses_what_validate_refuses(name: str, document: Any, places: list[str]) -> None:
    assert faults(name, document) == places


@pytest.mark.parametrize("name", NAMES)
def test_is_a_valid_schema_without_references_to_other_files(name: str) -> None:
    text = json.dumps(editor_schema(name))

    Draft202012Validator.check_schema(editor_schema(name))
    references = set(re.findall(r'"\$ref": "([^"]*)"', text))
    assert {each for each in references if not each.startswith("#/$defs/")} == set()
    assert '"x-' not in text


def test_what_new_writes_names_the_schema_that_is_written(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project("")
    headgate("new", "domain", "sales")
    headgate("new", "product", "sales/orders")

    code, printed = headgate("schema")

    assert code == 0
    expect(FOLDER / "messages" / "schema.txt", printed.encode())
    for name, kind in (("domain", "domain"), ("orders", "product")):
        path = root / f"products/sales/{name}.yaml"
        first, _, rest = path.read_text("utf-8").partition("\n")
        named = Path(os.path.normpath(path.parent / first.removeprefix("# yaml-language-server: $schema=")))
        assert named == root / f"schemas/{kind}.schema.json"
        assert json.loads(named.read_text("utf-8")) == editor_schema(kind)
        assert faults(kind, read(rest.encode())) == []


def test_the_schemas_can_be_written_elsewhere(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project("")
    (root / "file").write_text("")

    assert headgate("schema", "--out", "a/b")[0] == 0
    assert sorted(each.name for each in (root / "a/b").iterdir()) == [f"{name}.schema.json" for name in sorted(NAMES)]
    assert headgate("schema", "--out", "file")[0] == 2


EXAMPLES = sorted((ROOT / "generator/schemas/examples").glob("*.yaml"))
STEP_EXAMPLES = sorted((ROOT / "generator/steps").glob("*.example.yaml"))
STEP = {"name": "a", "emr": {"command": ["ls"]}}
BASIS = {"description": "x", "owner": "a"}


@pytest.mark.parametrize("path", [*EXAMPLES, *STEP_EXAMPLES], ids=lambda path: path.stem)
def test_the_examples_of_the_reference_are_valid(path: Path) -> None:
    document = read(path.read_bytes())
    kind = path.stem if path.stem in ("domain", "calendar", "buckets", "mesh") else "product"
    if path in STEP_EXAMPLES:
        name = path.name.split(".")[0]
        pipelines = {"emr_cluster": {"cluster": document, "steps": [STEP]}, "definition": {"definition": document}}
        document = {"pipeline": {"steps": [document]} if name in in_pipelines() else pipelines[name]}
    if kind == "product":
        document = BASIS | document

    assert check(document, f"{kind}.schema.json", path) == []
    assert faults(kind, document) == []


def test_the_examples_show_every_key() -> None:
    shown = {path: read(path.read_bytes()) for path in [*EXAMPLES, *STEP_EXAMPLES]}
    keys = {key for document in shown.values() for key in _keys(document)}
    product = schema("product")
    definitions = product["$defs"]
    known = {
        key
        for each in (
            product,
            *definitions.values(),
            schema("domain"),
            schema("calendar"),
            schema("buckets")["additionalProperties"],
        )
        for key in each.get("properties", ())
    }
    known |= {key for kind in step_types().values() for key in kind.schema["properties"]}

    assert known - keys == set()
    assert {each.name for each in STEP_EXAMPLES} == {f"{name}.example.yaml" for name in step_types()}
    assert {"parallel", "steps"} <= keys


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return value.keys() | {key for part in value.values() for key in _keys(part)}
    return {key for part in value for key in _keys(part)} if isinstance(value, list) else set()
