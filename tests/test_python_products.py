"""Products that Python yields: the same model, findings and plan as YAML."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from headgate import products
from headgate.generator.schemas import schema
from tests.conftest import Headgate

YAML = """\
--- d1/domain.yaml
owner: team-one
defaults: {wait: {deadline: 5h}}
--- raw/domain.yaml
owner: team-two
--- raw/trades.yaml
description: Trades
"""
AS_YAML = """\
--- d1/positions-eu.yaml
description: Positions of eu
schedule: {frequency: daily, time: "06:00"}
depends_on: {all_of: [raw/trades, {any_of: [{product: raw/trades, offset: -1}]}]}
pipeline:
  timeout: 48h
  steps:
    - {name: build, glue: {job: eu-build, arguments: {"--date": "{business_date}"}}, retry: {attempts: 2, interval: 60s}}
    - parallel:
        - {name: check, lambda: {function: check}}
        - steps: [{name: one, glue: {job: eu-one}}, {name: two, glue: {job: eu-two}}]
notify: [{on: [ERROR], slack: ["#positions"]}]
"""
HELPER = """\
--- d1/_jobs.py
def job(region, name):
    return f"{region}-{name}"
"""
AS_PYTHON = """\
--- d1/positions.py
from collections.abc import Iterator

from _jobs import job
from headgate.products import Dependency, Parallel, Product, Retry, Schedule, Step, all_of, any_of


def products() -> Iterator[Product]:
    print("this goes to standard error")
    for region in ["eu"]:
        build = Step("build", "glue", {"job": job(region, "build"), "arguments": {"--date": "{business_date}"}}, Retry(2, "60s"))
        line = [Step("one", "glue", {"job": job(region, "one")}), Step("two", "glue", {"job": job(region, "two")})]
        yield Product(
            f"positions-{region}",
            f"Positions of {region}",
            schedule=Schedule("daily", time="06:00"),
            depends_on=all_of("raw/trades", any_of(Dependency("raw/trades", offset=-1))),
            steps=[build, Parallel([Step("check", "lambda", {"function": "check"}), line])],
            timeout="48h",
            notify=[{"on": ["ERROR"], "slack": ["#positions"]}],
        )
"""


def generated(root: Path) -> dict[str, bytes]:
    folder = root / "statemachines"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.json")}


def test_it_generates_what_yaml_generates_and_a_plan_finds_nothing_to_change(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    root = project(YAML + AS_YAML)
    code, printed = headgate("generate")
    assert code == 0, printed
    as_yaml = generated(root)
    (root / "products/d1/positions-eu.yaml").unlink()
    project(HELPER + AS_PYTHON)
    assert headgate("generate", "--check")[0] == 0
    assert generated(root) == as_yaml
    assert not list(root.glob("products/**/__pycache__"))

    helper = root / "products/d1/_jobs.py"
    helper.write_text(helper.read_text().replace("{region}-{name}", "{region}-new-{name}"))
    assert "eu-build -> eu-new-build" in headgate("plan")[1], "what a file imports counts as well"


def test_findings_name_the_file_and_in_it_the_product(project: Callable[[str], Path], headgate: Headgate) -> None:
    text = AS_PYTHON.replace('"raw/trades", any_of', '"raw/trade", any_of').replace("{business_date}", "{date}")
    project(YAML + HELPER + text.replace('timeout="48h"', 'timeout="9 hours"'))
    code, printed = headgate("validate")
    assert code == 1
    for found in ("HG201", "HG406", "HG108"):
        assert f"{found} " in printed, printed
    assert "products/d1/positions.py/positions-eu  /pipeline/steps/0/glue/arguments/--date" in printed
    code, of_file = headgate("validate", "products/d1/positions.py")
    assert (code, "HG406" in of_file) == (1, True)


MISTAKES = [
    ("def products()", "def product()", "AttributeError: module", 0),
    ("for region in [", "for region in [unknown, ", "NameError: name 'unknown' is not defined", 9),
    ("yield Product(", "yield dict(name=", "SyntaxError", 0),
    ('        line = [', '        yield "positions-eu"\n        line = [', "a value of the type str", 0),
    ('f"positions-{region}",', '"Positions",', "a product named `Positions`", 0),
    ('f"positions-{region}",', '"kept",', "a second product named `kept`", 0),
    ('timeout="48h"', "timeout=object()", "Type is not JSON serializable: object", 0),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message", "line"), MISTAKES, ids=[each[2] for each in MISTAKES])
def test_a_mistake_in_the_code_is_a_finding(
    project: Callable[[str], Path], headgate: Headgate, old: str, new: str, message: str, line: int
) -> None:
    assert old in AS_PYTHON
    project(YAML + "--- d1/kept.yaml\ndescription: Kept\n" + HELPER + AS_PYTHON.replace(old, new))
    code, printed = headgate("validate")
    assert (code, "HG116" in printed, message in printed, "Traceback" in printed) == (1, True, True, False), printed
    assert not line or f"positions.py:{line}:1" in printed, printed


def test_its_classes_have_the_keys_of_the_metadata() -> None:
    product = schema("product")
    keys = product["properties"].keys()
    definitions: dict[str, Any] = product["$defs"]

    def names(kind: type) -> set[str]:
        return {each.name for each in fields(kind)}

    assert (
        names(products.Product)
        == (keys - {"pipeline"}) | {"name"} | product["properties"]["pipeline"]["properties"].keys()
    )
    assert names(products.Schedule) == definitions["schedule"]["properties"].keys()
    assert names(products.Dependency) == definitions["dependency"]["properties"].keys()
    assert names(products.Condition) == definitions["condition"]["properties"].keys()
    assert names(products.Retry) == definitions["step"]["properties"]["retry"]["properties"].keys()
    assert json.loads(json.dumps(products.Product("a", "b").document())) == {"description": "b"}
