"""Functions of products' steps on the local endpoint: created from the jobs folder, really run, timed by the clock."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from headgate.local.provisioning import provision
from headgate.local.runtime import Runtime
from headgate.local.stack import StartError
from tests.local_endpoint import catalog, executed, invoke, machine, pass_time

pytestmark = pytest.mark.slow
HANDLER = """
import os
from rules import limit

class TooMany(Exception):
    pass

def handler(event, context):
    if event["rows"] > limit:
        raise TooMany(f"{event['rows']} rows")
    return {"got": event, "data": os.environ["DATA"]}
"""
ANSWERS = """
import boto3, json

def handler(event, context):
    token = event.pop("task_token")
    states = boto3.client("stepfunctions")
    if event.get("fail"):
        states.send_task_failure(taskToken=token, error="NoSuchAccount", cause="A9")
    else:
        states.send_task_success(taskToken=token, output=json.dumps(event))
"""


@pytest.fixture(scope="module")
def functions(endpoint: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    jobs = tmp_path_factory.mktemp("jobs")
    (jobs / "step-check.py").write_text(HANDLER)
    (jobs / "step-answers.py").write_text(ANSWERS)
    (jobs / "rules.py").write_text("limit = 10\n")
    provision(endpoint, catalog("step-check", "step-check:live", "step-answers", "step-nothing"), jobs, Path("/data"))
    return endpoint


def waiting(function: str, **payload: Any) -> dict[str, Any]:
    return invoke(function, waiting=True, **payload, **{"task_token.$": "$$.Task.Token"})


@pytest.mark.parametrize("name", ["step-check", "step-check:live"])
def test_it_receives_the_payload_and_uses_the_modules_beside_it(functions: Runtime, name: str) -> None:
    ended = executed(functions, machine(Ask=invoke(name, rows=3, nested={"dates": ["2026-11-20"]})))
    answer = json.loads(ended["output"])["Payload"]
    assert answer == {"got": {"rows": 3, "nested": {"dates": ["2026-11-20"]}}, "data": "/data"}


def test_what_it_raises_is_the_error(functions: Runtime) -> None:
    ended = executed(functions, machine(Ask=invoke("step-check", rows=11)))
    assert (ended["error"], json.loads(ended["cause"])["errorMessage"]) == ("TooMany", "11 rows")


def test_without_code_it_succeeds_at_once(functions: Runtime) -> None:
    assert executed(functions, machine(Ask=invoke("step-nothing")))["status"] == "SUCCEEDED"
    assert executed(functions, machine(Ask=waiting("step-nothing")))["status"] == "SUCCEEDED"


def test_it_answers_the_token_it_was_given(functions: Runtime) -> None:
    assert json.loads(executed(functions, machine(Ask=waiting("step-answers", rows=3)))["output"]) == {"rows": 3}
    refused = executed(functions, machine(Ask=waiting("step-answers", fail=True)))
    assert (refused["error"], refused["cause"]) == ("NoSuchAccount", "A9")


@pytest.mark.parametrize(
    ("behaviour", "error", "message", "minutes"),
    [
        ({"fails": "ValueError: bad row"}, "ValueError", "bad row", 0),
        ({"fails": "out of luck", "takes": 600}, "Exception", "out of luck", 10),
        ({"takes": 3600}, "Sandbox.Timedout", "Task timed out after 900.00 seconds", 15),
        ({"hangs": True}, "Sandbox.Timedout", "Task timed out after 900.00 seconds", 15),
    ],
)
def test_it_goes_as_the_scenario_says(
    functions: Runtime, behaviour: dict[str, Any], error: str, message: str, minutes: int
) -> None:
    functions.control.set_behaviours({"step-check": [behaviour, {}]})
    before = functions.control.wait_until_idle()["now"]
    ended = executed(functions, machine(Ask=invoke("step-check", rows=1)))
    assert ended["error"] == error
    assert message in json.loads(ended["cause"])["errorMessage"]
    assert functions.control.wait_until_idle()["now"] - before == pytest.approx(minutes * 60, abs=20)
    assert executed(functions, machine(Ask=invoke("step-check", rows=1)))["status"] == "SUCCEEDED", "the next run"


def test_many_that_take_long_hold_up_nothing(functions: Runtime) -> None:
    functions.control.set_behaviours({"step-nothing": [{"takes": 600}]})
    branches = [machine(**{f"Ask {n}": invoke("step-nothing")}) for n in range(20)]
    ended: list[dict[str, Any]] = []
    many = machine(All={"Type": "Parallel", "Branches": branches, "End": True})
    client = functions.client("stepfunctions")
    role = client.describe_state_machine(
        stateMachineArn=client.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    )
    arn = client.create_state_machine(name="mine-many", definition=json.dumps(many), roleArn=role["roleArn"])
    execution = client.start_execution(stateMachineArn=arn["stateMachineArn"])["executionArn"]
    began = functions.control.wait_until_idle()["now"]
    asked = threading.Thread(target=lambda: ended.append(executed(functions, machine(Ask=invoke("gate", n=1)))))
    asked.start()
    asked.join(60)
    assert ended[0]["status"] == "SUCCEEDED"
    deadline = time.monotonic() + 60
    while client.describe_execution(executionArn=execution)["status"] == "RUNNING" and time.monotonic() < deadline:
        pass_time(functions)
    assert client.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    assert functions.control.wait_until_idle()["now"] - began == pytest.approx(600, abs=20), "side by side"


def test_a_direct_call_is_timed_as_well(functions: Runtime) -> None:
    """The clock waits for it, and counts nothing twice: what follows still settles."""
    functions.control.set_behaviours({"step-nothing": [{"takes": 60}]})
    call = threading.Thread(target=lambda: functions.client("lambda").invoke(FunctionName="step-nothing"))
    call.start()
    deadline = time.monotonic() + 30
    while call.is_alive() and time.monotonic() < deadline:
        pass_time(functions)
    call.join(1)
    assert not call.is_alive()
    functions.control.wait_until_idle(5)


def test_a_type_that_cannot_be_run_is_refused(functions: Runtime) -> None:
    steps = [{"name": "load", "type": "abacus", "resource": "dw"}]
    with pytest.raises(
        StartError,
        match=r"step load of d/p has the type abacus, .* It has [a-z_, ]*glue, http, lambda[a-z_, ]*; a type of the project has its stand-in in steps/abacus/local/",
    ):
        provision(functions, {"products": {"d/p": {"pipeline": {"steps": steps}}}}, None, Path("data"))
