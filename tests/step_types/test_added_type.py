"""A step type is a file set named by it: with it a service is validated, generated, granted, linted, documented and executed, on the
configuration that the functions really give."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import runtime
from headgate.generator import reference
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, invoke
from tests.moto_engine import FailTask, Silence, execute
from tests.state_steps import LOADED, opened, wait
from tests.state_world import World
from tests.step_types.added_type import added

SCHEMA: dict[str, Any] = {
    "title": "Named query",
    "description": "Runs a named query.",
    "required": ["query"],
    "properties": {
        "query": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$", "description": "The id of the named query."},
        "parameters": {"type": "object", "description": "Its parameters."},
        "workgroup": {"type": "string", "default": "primary", "description": "Where it runs."},
        "timeout": {
            "$ref": "../product.schema.json#/$defs/duration",
            "default": "30m",
            "description": "The longest it takes.",
        },
    },
    "x-resource": "query",
    "x-arguments": "parameters",
    "x-work": "query",
    "x-exclusive": "query",
    "x-limits": [{"property": "timeout", "at_most": "30m", "why": "Athena cancels a longer query."}],
    "x-pattern": "launch-and-await",
    "x-own-timeout": False,
    "x-handle": True,
    "x-retried-errors": ["JobFailed", "JobStillRunning"],
    "x-launch-retry": [
        {"errors": ["Athena.TooManyRequestsException"], "interval": 2, "attempts": 6, "backoff": 2, "max_delay": 60}
    ],
    "x-grants": [
        {
            "action": "athena:StartQueryExecution",
            "resource": "arn:${AWS::Partition}:athena:${AWS::Region}:${AWS::AccountId}:workgroup/{workgroup}",
        },
        {
            "action": "iam:PassRole",
            "resource": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/{query}",
            "condition": {"StringEquals": {"iam:PassedToService": "athena.amazonaws.com"}},
            "call": "",
        },
    ],
}
TEMPLATE = """\
{
  "Type": "Task",
  "Resource": "arn:aws:states:::athena:startQueryExecution",
  "Parameters": {
    "QueryString.$": {{ (step.path ~ ".query")|tojson }},
    "ExecutionParameters.$": {{ ("States.Array(" ~ step.path ~ ".parameters.range[0])")|tojson }},
    "WorkGroup": {{ step.settings.workgroup|tojson }}
  },
  "ResultSelector": {"run_id.$": "$.QueryExecutionId", "handle": {"workgroup": {{ step.settings.workgroup|tojson }}}},
  "ResultPath": "$.job"
}
"""
MODULE = """\
'''Athena queries.'''
RESOURCE, ARGUMENTS = "query", "parameters"
SOURCE = DETAIL_TYPE = None
"""
METADATA = """\
--- d1/domain.yaml
owner: team-one
--- d1/ds1.yaml
description: Positions
schedule: {frequency: daily, time: "06:00"}
pipeline:
  steps:
    - name: build-mart
      named_query: {query: mart, parameters: {range: ["{business_date}", 7]}}
      retry: {attempts: 1}
    - {name: build, glue: {job: build}}
    - {name: check, lambda: {function: "check:live", payload: {of: [{product: "{domain}/{product}"}, 3], strict: true}}}
"""


@pytest.fixture
def athena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with added("named_query", tmp_path_factory.mktemp("types"), SCHEMA, TEMPLATE, MODULE):
        yield


@pytest.fixture
def root(athena: None, project: Callable[[str], Path], headgate: Headgate) -> Path:
    made = project(METADATA)
    code, printed = headgate("generate")
    assert code == 0, printed
    return made


def test_its_machine_and_its_grants_are_generated_and_linted(root: Path) -> None:
    definition = json.loads((root / "statemachines/d1/ds1.asl.json").read_text())
    template = json.loads((root / "statemachines/d1/template.json").read_text())

    group = definition["States"]["Run build-mart"]
    states = group["Branches"][0]["States"]
    assert list(states) == ["Launch build-mart", "Wait for build-mart", "Check how build-mart ended"]
    assert group["Retry"][0]["ErrorEquals"] == ["JobFailed", "JobStillRunning"]
    assert states["Launch build-mart"]["Retry"][0]["ErrorEquals"] == ["Athena.TooManyRequestsException"]
    awaited = states["Wait for build-mart"]
    assert awaited["TimeoutSeconds"] == 30 * 60, "nothing else ends the work at its timeout"
    assert awaited["Parameters"]["Payload"]["type"] == "named_query"
    assert awaited["Parameters"]["Payload"]["handle.$"] == "$.job.handle"
    statements = template["Resources"]["Ds1Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    granted = {each["Action"]: each for each in statements if isinstance(each["Action"], str)}
    arn = "arn:${AWS::Partition}:athena:${AWS::Region}:${AWS::AccountId}:workgroup/primary"
    assert granted["athena:StartQueryExecution"]["Resource"] == {"Fn::Sub": arn}
    assert granted["iam:PassRole"]["Condition"] == SCHEMA["x-grants"][1]["condition"]
    assert granted["glue:StartJobRun"]


def test_rules_and_the_reference_know_it(root: Path, headgate: Headgate) -> None:
    assert "## Step type `named_query`: Named query" in reference.metadata_page()
    assert "```yaml\nname: added\nnamed_query: {}\n```" in reference.metadata_page()
    path = root / "products/d1/ds1.yaml"
    text = path.read_text().replace("{business_date}", "{date}").replace("query: mart,", "query: mart, timeout: 31m,")
    path.write_text(text + "    - parallel:\n" + 2 * "        - {name: NAME, named_query: {query: twice}}\n")
    path.write_text(path.read_text().replace("NAME", "one", 1).replace("NAME", "two", 1))
    _, printed = headgate("validate")
    assert "HG406 unknown placeholder" in printed
    assert "/pipeline/steps/0/named_query/parameters/range/0" in printed
    assert "HG409 a step beyond the limits of its service" in printed
    assert "HG402 same work in parallel" in printed


def test_plan_says_what_changed_inside_its_arguments(root: Path, headgate: Headgate) -> None:
    path = root / "products/d1/ds1.yaml"
    path.write_text(path.read_text().replace('["{business_date}", 7]', '["{business_date}", 8, true]'))
    _, printed = headgate("plan")
    assert "argument range[1] 7 -> 8" in printed
    assert "argument range[2] none -> true" in printed


@pytest.mark.slow
def test_its_machine_runs_on_the_configuration_that_the_functions_give(
    root: Path, world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = json.loads((root / "statemachines/catalog/catalog.json").read_text())
    world.load(catalog["products"], LOADED)
    opened(world)
    wait(world, "d1/ds1")
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    run = str(world.run("d1/ds1", "2026-11-20")["run_id"])
    configured = invoke("pipeline_configuration", {"run_id": run, "attempt": 1})["steps"]
    definition = json.loads((root / "statemachines/d1/ds1.asl.json").read_text())
    monkeypatch.setitem(_services(), "StartQueryExecution", "athena.start")

    def executed(*answers: Any, silent: tuple[str, ...] = ()) -> Any:
        given = {"tracker.await": list(answers), "athena.start": [_started("q-1"), _started("q-2")]}
        return execute(definition, given, silent, settings=configured)

    repeated = executed(FailTask("JobFailed"))
    assert repeated.error is None
    assert repeated.called("athena.start")[0]["ExecutionParameters"] == ["2026-11-20"]
    assert repeated.called("glue.start")[0]["JobName"] == "build"
    assert repeated.called("function check:live") == [{"of": [{"product": "d1/ds1"}, 3], "strict": True}]
    tracked = repeated.called("tracker.await")
    assert [call["job_run_id"] for call in tracked] == ["q-1", "q-2", "jr_1"]
    assert (tracked[0]["job"], tracked[0]["handle"]) == ("mart", {"workgroup": "primary"})
    asked = executed(Silence(), silent=("Wait for build-mart",)).called("tracker.resolve")
    assert (asked[0]["type"], asked[0]["handle"]) == ("named_query", {"workgroup": "primary"})


def _services() -> dict[str, str]:
    from tests.moto_services import SERVICES

    return SERVICES


def _started(identity: str) -> Any:
    from tests.moto_engine import Succeed

    return Succeed({"QueryExecutionId": identity})
