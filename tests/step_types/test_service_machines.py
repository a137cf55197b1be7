"""Machines whose work a service runs, executed on moto: what is launched, again and with which token, and how a time-out ends."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.golden import FOLDER
from tests.moto_engine import Answer, Execution, FailTask, Raise, Silence, Succeed, execute

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Kind:
    """A type as its machine in `tests/golden/output/<type>` has it: `given` is what the functions give its step, `busy` what the service
    answers while it is too busy, `token` the parameter by which it knows a repeated call, None where it knows none."""

    type: str
    given: dict[str, Any]
    call: str
    busy: str
    token: str | None


KINDS = (
    Kind("athena", {"workgroup": "etl", "query": "SELECT ?", "parameters": ["1"]}, "athena.start", "TooManyRequestsException", "ClientRequestToken"),
    Kind("ecs", {"task": "scorer", "started_by": "headgate/m", "command": ["a"], "environment": []}, "ecs.start", "ServerException", "ClientToken"),
    Kind("machine", {"name": "legacy-flow", "prefix": "headgate-1", "input": {"date": "x"}}, "machine.start", "ExecutionLimitExceededException", "Name"),
    Kind("batch", {"definition": "fit", "job_name": "headgate-1", "parameters": {"date": "x"}, "command": ["a"], "environment": []}, "batch.start",
         "TooManyRequestsException", None),
    Kind("redshift", {"database": "prod", "name": "headgate/m", "query": "CALL load(:date)", "parameters": [{"Name": "date", "Value": "x"}]}, "redshift.start",
         "ActiveStatementsExceededException", "ClientToken"),
    Kind("http", {"url": "https://example.cloud.databricks.com/api/2.1/jobs/run-now", "body": {"job_id": 4711}}, "http.start",
         "States.Http.StatusCode.429", None),
    Kind("emr_serverless", {"application": "00f1", "name": "headgate/m", "arguments": ["x"]}, "emr_serverless.start", "InternalServerException", "ClientToken"),
)  # fmt: skip


def executed(kind: Kind, answers: dict[str, list[Answer]] | None = None, timed_out: tuple[str, ...] = ()) -> Execution:
    """The machine reduced to its first step."""
    path = FOLDER / f"output/{kind.type}/statemachines/d1/ds1.asl.json"
    definition = json.loads(path.read_text("utf-8"))
    first = definition["States"]["Start the pipeline"]["Next"]
    definition["States"][first]["Next"] = "Record success"
    return execute(definition, answers, timed_out, settings={"mart": kind.given})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_a_launch_is_repeated_with_one_token_a_retry_with_its_own_and_late_work_is_stopped_first(kind: Kind) -> None:
    """The service is too busy twice, the first work fails, and the second does not end in time and has to be stopped."""
    answers: dict[str, list[Answer]] = {
        kind.call: [Raise(kind.busy), Raise(kind.busy)],
        "tracker.await": [FailTask("JobFailed"), Silence()],
        "tracker.resolve": [Raise("JobStillRunning"), Raise("JobStillRunning"), Raise("JobTimedOut")],
    }
    execution = executed(kind, answers, timed_out=("Wait for mart",))

    assert (execution.status, execution.error) == ("FAILED", "JobTimedOut"), (
        "the one retry was for the work that failed"
    )
    first, again, once_more, retry = execution.called(kind.call)
    if kind.token:
        assert first[kind.token] == again[kind.token] == once_more[kind.token] != retry[kind.token]
    assert {(each["type"], each["step"]) for each in execution.called("tracker.await")} == {(kind.type, "mart")}
    asked = execution.called("tracker.resolve")
    assert len(asked) == 3
    assert all(each["stops"] for each in asked)


def test_work_that_was_stopped_at_its_time_is_retried() -> None:
    still: list[Answer] = [Raise("JobStillRunning"), Raise("JobTimedOut")]
    given: dict[str, list[Answer]] = {"tracker.await": [Silence()], "tracker.resolve": still}
    execution = executed(KINDS[0], given, timed_out=("Wait for mart",))

    assert execution.status == "SUCCEEDED"
    assert len(execution.called("athena.start")) == 2


def test_a_cluster_without_room_is_asked_again_and_the_machine_says_why() -> None:
    """RunTask has succeeded and started nothing: what it answers is refused by the job tracker."""
    ecs = KINDS[1]
    full: Answer = Succeed({"Tasks": [], "Failures": [{"Arn": "i-1", "Reason": "RESOURCE:MEMORY"}]})
    execution = executed(ecs, {"ecs.start": [full], "tracker.await": [Raise("LaunchRefused")]})

    assert execution.status == "SUCCEEDED"
    refused, launched = execution.called("tracker.await")
    assert (refused["job_run_id"], refused["refused"]) == ([], ["RESOURCE:MEMORY"])
    assert len(launched["job_run_id"]) == 1
    assert len(execution.called("ecs.start")) == 2


def test_a_launch_that_was_not_answered_is_looked_for_where_no_token_makes_it_one() -> None:
    execution = executed(KINDS[3], {"batch.start": [Raise("ServerException")]})

    assert execution.status == "SUCCEEDED"
    assert len(execution.called("batch.start")) == 1, "the job that the first call made is awaited"
    assert [each["job_run_id"] for each in execution.called("tracker.await")] == ["jr_found"]


def test_an_execution_that_has_ended_already_is_looked_for() -> None:
    """Its name cannot be used again; it is the one of the call that was not answered."""
    execution = executed(KINDS[2], {"machine.start": [Raise("ExecutionAlreadyExistsException")]})

    assert execution.status == "SUCCEEDED"
    assert len(execution.called("machine.start")) == 1
    assert [each["job_run_id"] for each in execution.called("tracker.await")] == ["jr_found"]
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:legacy-flow"
    assert execution.called("machine.start")[0]["StateMachineArn"] == arn
