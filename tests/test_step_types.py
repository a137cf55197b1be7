"""A step type is two files: with them a new service is validated, generated, granted, linted, executed and documented."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headgate.generator import reference, steps
from headgate.generator.metadata import schema
from headgate.generator.render import environment
from tests.conftest import Headgate
from tests.moto_engine import execute

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://headgate.dev/schemas/steps/function.schema.json",
    "title": "Lambda function",
    "description": "Calls a function and takes its return for the end of the work.",
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "description": "The function's name."},
        "arguments": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Its payload."},
        "timeout": {
            "$ref": "../product.schema.json#/$defs/duration",
            "default": "15m",
            "description": "The longest it takes.",
        },
    },
    "x-resource": "name",
    "x-arguments": "arguments",
    "x-work": "function",
    "x-pattern": "invoke",
    "x-retried-errors": ["States.ALL"],
    "x-launch-retry": [
        {"errors": ["Lambda.TooManyRequestsException"], "interval": 2, "attempts": 6, "backoff": 2, "max_delay": 60}
    ],
    "x-grants": [
        {
            "action": "lambda:InvokeFunction",
            "call": "lambda:invoke",
            "resource": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:{name}",
        }
    ],
}
TEMPLATE = """\
{
  "Type": "Task",
  "Resource": "arn:aws:states:::lambda:invoke",
  "Parameters": {
    "FunctionName.$": {{ (step.path ~ ".name")|tojson }},
    "Payload.$": {{ (step.path ~ ".arguments")|tojson }}
  },
  "ResultPath": null
}
"""
CACHES = (
    steps.step_types,
    schema.schemas,
    schema._registry,
    schema._compiled,
    schema._explainer,
    environment.environment,
)


@pytest.fixture
def function_step(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("steps")
    for file in steps.FOLDER.glob("glue.*"):
        shutil.copy(file, folder)
    (folder / "function.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "function.asl.j2").write_text(TEMPLATE)
    monkeypatch.setattr(steps, "FOLDER", folder)
    for cached in CACHES:
        cached.cache_clear()
    yield
    monkeypatch.undo()
    for cached in CACHES:
        cached.cache_clear()


@pytest.mark.usefixtures("function_step")
def test_two_files_add_a_service(project: Callable[[str], Path], headgate: Headgate) -> None:
    text = """\
--- d1/domain.yaml
owner: team-one
--- d1/ds1.yaml
description: Positions
schedule: {frequency: daily, time: "06:00"}
pipeline:
  steps:
    - {name: prepare, function: {name: prepare-it, arguments: {date: "{business_date}"}}, retry: {attempts: 1}}
    - {name: build, glue: {job: build}}
"""
    root = project(text)

    assert headgate("generate")[0] == 0
    definition = json.loads((root / "statemachines/d1/ds1.asl.json").read_text())
    template = json.loads((root / "statemachines/d1/template.json").read_text())
    statements = template["Resources"]["Ds1Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (invoke,) = [each for each in statements if each["Action"] == "lambda:InvokeFunction"]
    assert {"Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:prepare-it"} in invoke[
        "Resource"
    ]
    assert "Run prepare" in list(definition["States"])
    assert "## Step type `function`: Lambda function" in reference.metadata_page()

    path = root / "products/d1/ds1.yaml"
    path.write_text(path.read_text().replace("{business_date}", "{date}"))
    _, printed = headgate("validate")
    assert "HG406 unknown placeholder" in printed


@pytest.mark.slow
@pytest.mark.usefixtures("function_step")
def test_and_its_machine_runs(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project(
        "--- d1/domain.yaml\nowner: x\n--- d1/ds1.yaml\ndescription: x\nschedule: {frequency: daily, time: '06:00'}\n"
        "pipeline: {steps: [{name: build, glue: {job: b}}, {name: tell, function: {name: JobTrackerFunctionArn}}]}\n"
    )
    assert headgate("generate")[0] == 0
    definition = json.loads((root / "statemachines/d1/ds1.asl.json").read_text())

    steps_run = execute(
        definition, settings={"tell": {"name": "JobTrackerFunctionArn", "arguments": {"action": "resolve"}}}
    )

    assert steps_run.error is None, steps_run
    assert steps_run.states[-5:] == [
        "Record start of tell", "Invoke tell", "Record success of tell", "Record success", "Publish refresh event",
    ]  # fmt: skip
