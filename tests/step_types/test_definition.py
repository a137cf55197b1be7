"""Definitions in the state: the states of a file end with their machine, and no run of them is COMPLETED that did not report their success."""

from typing import Any

import pytest

import runtime
from inquire import handler as inquire
from job_run import JobRun
from step_types import step_type
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke, machine_ended, queue
from tests.state_world import World, at
from tests.step_types.service_steps import cancel, failed, released, tracked

STEP = {"name": "definition", "type": "definition", "resource": "flow.asl.json", "arguments": {"date": "{business_date}"},
        "settings": {"machine": {"StartAt": "Count", "States": {"Count": "3c5b"}, "work": {}}}, "timeout": 7200, "retry": None}  # fmt: skip


@pytest.fixture
def run(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run of d1/ds1 whose pipeline has begun."""
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    made = released(world, STEP)
    given = invoke("pipeline_configuration", {"run_id": made, "attempt": 1})["steps"]["definition"]
    assert given == {"file": "flow.asl.json", "input": {"date": TODAY}}
    return made


def execution(aws: FakeAws) -> str:
    return next(iter(aws.executions))


def begin(aws: FakeAws, run: str) -> None:
    """The machine reports that it is about to enter the states of the file."""
    invoke("job_tracker", tracked(run, STEP, execution(aws), "start", timeout=7200))


def death(aws: FakeAws, status: str, **detail: Any) -> dict[str, Any]:
    """The event of a machine that ends so."""
    arn = execution(aws)
    aws.executions[arn] |= {"status": status, **detail}
    return machine_ended(arn, status, **detail)


def jobs(world: World) -> list[Any]:
    return world.sql("SELECT step, type, state FROM job_run")


DEATHS = [
    ("FAILED", {"error": "States.Runtime", "cause": "a path was missing"}, "States.Runtime", "FAILED"),
    ("ABORTED", {}, "ABORTED", "STOPPED"),
    ("TIMED_OUT", {}, "TIMED_OUT", "TIMEOUT"),
]


@pytest.mark.parametrize(("status", "detail", "error", "state"), DEATHS, ids=[each[0] for each in DEATHS])
@pytest.mark.parametrize("by", ["job_status", "monitor"])
def test_a_machine_that_dies_in_the_states_of_the_file_is_an_error_and_is_not_started_again(
    world: World, aws: FakeAws, run: str, monkeypatch: pytest.MonkeyPatch,
    status: str, detail: dict[str, str], error: str, state: str, by: str,
) -> None:  # fmt: skip
    begin(aws, run)
    event = death(aws, status, **detail)
    if by == "monitor":
        monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 07:00"))
        invoke("monitor", {})
    else:
        invoke("job_status", queue(event))

    ended = world.run("d1/ds1", TODAY)
    assert (ended["status"], ended["error"], ended["attempt"]) == ("ERROR", error, 1)
    assert jobs(world) == [("definition", "definition", state)]
    if error == "States.Runtime":
        assert "not started again: what the states of its definition have started is not known" in ended["cause"]
    invoke("operate", {"action": "rerun", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    assert world.run("d1/ds1", TODAY)["released_at"] is not None, "nothing of the first attempt runs any more"


@pytest.mark.parametrize("began", [False, True])
def test_without_a_reported_success_no_run_is_completed(world: World, aws: FakeAws, run: str, began: bool) -> None:
    if began:
        begin(aws, run)
    invoke("job_status", queue(death(aws, "FAILED", error="JobFailed")))
    assert world.run("d1/ds1", TODAY)["status"] == "ERROR"


def test_a_machine_that_dies_after_the_reported_success_leaves_the_run_completed(
    world: World, aws: FakeAws, run: str
) -> None:
    begin(aws, run)
    answer = {"metadata": [{"row_count": 7}]}
    invoke("job_tracker", tracked(run, STEP, execution(aws), "end", state="SUCCEEDED", answer=answer))
    invoke("job_status", queue(death(aws, "FAILED", error="States.Runtime")))
    assert world.run("d1/ds1", TODAY)["status"] == "COMPLETED"
    assert world.sql("SELECT metadata FROM run_metadata") == [({"row_count": 7},)]


def test_a_cancelled_run_runs_again_once_its_machine_has_stopped(
    world: World, aws: FakeAws, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(aws, run)
    invoke("operate", cancel())
    death(aws, "ABORTED")
    invoke("operate", {"action": "rerun", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    assert world.run("d1/ds1", TODAY)["released_at"] is None, "it waits for the states of the first attempt"
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 06:40"))
    assert invoke("monitor", {})["jobs"] == 1
    assert jobs(world) == [("definition", "definition", "STOPPED")]
    assert world.run("d1/ds1", TODAY)["released_at"] is not None


def test_a_failure_is_shown_with_the_states_of_the_file(world: World, aws: FakeAws, run: str) -> None:
    begin(aws, run)
    reported = {"state": "FAILED", "error": "NoRows", "cause": '{"errorMessage": "nothing came"}'}
    invoke("job_tracker", tracked(run, STEP, execution(aws), "end", **reported))
    invoke("outcome_recorder", failed(run) | {"error": "NoRows", "cause": "nothing came"})
    found = inquire({"question": "why", "product": "d1/ds1", "business_date": TODAY}, None)["run"]
    (shown,) = found["jobs"]
    assert (shown["step"], shown["job"], shown["state"]) == ("definition", "flow.asl.json", "FAILED")
    link = step_type("definition").console(JobRun("definition", "flow.asl.json", execution(aws)), "us-east-1", "aws")
    assert (
        link
        == f"https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/{execution(aws)}"
    )


def test_a_machine_that_step_functions_does_not_know_runs_no_states(aws: FakeAws) -> None:
    answer = step_type("definition").ask(JobRun("definition", "flow.asl.json", "arn:aws:states:x:1:execution:m:e"))
    assert answer.state == "FAILED"
