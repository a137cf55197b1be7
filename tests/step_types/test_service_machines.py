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
    answers while it is too busy, `token` the parameter by which it knows a repeated call."""

    type: str
    given: dict[str, Any]
    call: str
    busy: str
    token: str


KINDS = (
    Kind("athena", {"workgroup": "etl", "query": "SELECT ?", "parameters": ["1"]}, "athena.start", "TooManyRequestsException", "ClientRequestToken"),
    Kind("ecs", {"task": "scorer", "started_by": "headgate/m", "command": ["a"], "environment": []}, "ecs.start", "ServerException", "ClientToken"),
    Kind("machine", {"name": "legacy-flow", "prefix": "headgate-1", "input": {"date": "x"}}, "machine.start", "ExecutionLimitExceededException", "Name"),
)  # fmt: skip
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)


def executed(kind: Kind, answers: dict[str, list[Answer]] | None = None, timed_out: tuple[str, ...] = ()) -> Execution:
    """The machine reduced to its first step."""
    path = FOLDER / f"output/{kind.type}/statemachines/d1/ds1.asl.json"
    definition = json.loads(path.read_text("utf-8"))
    first = definition["States"]["Start the pipeline"]["Next"]
    definition["States"][first]["Next"] = "Record success"
    return execute(definition, answers, timed_out, settings={"mart": kind.given})


@each_kind
def test_a_launch_that_is_refused_for_now_is_repeated_with_one_token(kind: Kind) -> None:
    execution = executed(kind, {kind.call: [Raise(kind.busy), Raise(kind.busy)]})

    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    launches = execution.called(kind.call)
    assert len(launches) == 3
    assert len({each[kind.token] for each in launches}) == 1
    (awaited,) = execution.called("tracker.await")
    assert (awaited["type"], awaited["step"]) == (kind.type, "mart")


@each_kind
def test_a_retry_of_failed_work_has_a_token_of_its_own(kind: Kind) -> None:
    execution = executed(kind, {"tracker.await": [FailTask("JobFailed")]})

    assert execution.status == "SUCCEEDED"
    first, second = execution.called(kind.call)
    assert first[kind.token] != second[kind.token]


@each_kind
def test_work_beyond_its_time_is_asked_about_until_it_has_stopped(kind: Kind) -> None:
    still: list[Answer] = [Raise("JobStillRunning"), Raise("JobStillRunning"), Raise("JobTimedOut")]
    given: dict[str, list[Answer]] = {"tracker.await": [Silence()], "tracker.resolve": still}
    execution = executed(kind, given, timed_out=("Wait for mart",))

    assert len(execution.called(kind.call)) == 2, "the retry of the step begins when the first has stopped"
    assert all(each["stops"] for each in execution.called("tracker.resolve"))


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


def test_an_execution_that_has_ended_already_is_looked_for() -> None:
    """Its name cannot be used again; it is the one of the call that was not answered."""
    execution = executed(KINDS[2], {"machine.start": [Raise("ExecutionAlreadyExistsException")]})

    assert execution.status == "SUCCEEDED"
    assert len(execution.called("machine.start")) == 1
    assert [each["job_run_id"] for each in execution.called("tracker.await")] == ["jr_found"]
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:legacy-flow"
    assert execution.called("machine.start")[0]["StateMachineArn"] == arn
