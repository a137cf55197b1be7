"""ECS tasks: what the functions make of them."""

from datetime import timedelta
from typing import Any

import pytest

import runtime
from job_run import JobRun, mark_of
from state.errors import BadEvent, LaunchRefused
from step_types import ecs
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke, queue
from tests.state_world import World
from tests.step_types.service_steps import released

ARN = "arn:aws:ecs:us-east-1:123456789012:task/batch/t-1"
TASK = JobRun("ecs", "scorer", ARN)
STEP = {"name": "score", "type": "ecs", "resource": "scorer", "arguments": {"command": ["score", "{business_date}"], "environment": {"B": "{attempt}", "A": "x"}},
        "settings": {"cluster": "batch", "container": "main"}, "timeout": 1800, "retry": None}  # fmt: skip


def task(
    status: str = "STOPPED", code: int | None = 0, stop_code: str = "EssentialContainerExited", by: str = ""
) -> dict[str, Any]:
    sidecar = {"name": "logs", "exitCode": 143}
    main = {"name": "main"} | ({} if code is None else {"exitCode": code})
    return {
        "taskArn": ARN, "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/scorer:7", "lastStatus": status, "stopCode": stop_code,
        "stoppedReason": "Essential container in task exited", "containers": [sidecar, main], "startedBy": by,
        "overrides": {"containerOverrides": [{"name": "main"}]},
    }  # fmt: skip


class Ecs:
    """ECS with at most one task."""

    def __init__(self) -> None:
        self.task: dict[str, Any] | None = None
        self.stopped: list[tuple[str, str]] = []

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        return {"tasks": [self.task] if self.task and cluster == "batch" and ARN in tasks else []}

    def list_tasks(self, cluster: str, startedBy: str, desiredStatus: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        found = self.task and (self.task["startedBy"], self.task["lastStatus"]) == (startedBy, desiredStatus)
        return {"taskArns": [ARN] if found and cluster == "batch" else []}

    def stop_task(self, cluster: str, task: str, reason: str) -> None:
        self.stopped.append((cluster, task))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Ecs:
    service = Ecs()
    monkeypatch.setattr(ecs, "ecs", lambda: service)
    return service


@pytest.fixture
def run(world: World, aws: FakeAws, service: Ecs, monkeypatch: pytest.MonkeyPatch) -> str:
    """The pipeline of d1/ds1 has begun: one task."""
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    return released(world, STEP)


def awaited(run: str, *launched: str, refused: tuple[str, ...] = ()) -> dict[str, Any]:
    named = {"run_id": run, "attempt": 1, "step": "score", "type": "ecs", "job": "scorer", "job_run_id": [*launched]}
    return {"action": "await", "task_token": "job", "refused": [*refused], **named}


def event(**more: Any) -> dict[str, Any]:
    return {"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": task(**more)}


def test_the_launch_is_given_a_list_of_variables_and_the_mark(run: str) -> None:
    assert invoke("pipeline_configuration", {"run_id": run, "attempt": 1})["steps"]["score"] == {
        "task": "scorer",
        "command": ["score", TODAY],
        "environment": [{"Name": "A", "Value": "x"}, {"Name": "B", "Value": "1"}],
        "started_by": f"headgate/{run}/1/score",
    }


@pytest.mark.parametrize(
    ("given", "end", "message"),
    [
        ({"status": "RUNNING"}, None, ""),
        ({}, "SUCCEEDED", ""),
        ({"code": 3}, "FAILED", "container main ended with exit code 3; Essential container in task exited"),
        ({"code": None, "stop_code": "TaskFailedToStart"}, "FAILED", "container main did not run; Essential container in task exited"),
        ({"code": 137, "stop_code": "UserInitiated"}, "STOPPED", "container main ended with exit code 137; Essential container in task exited"),
    ],
)  # fmt: skip
def test_the_exit_code_of_the_container_decides_in_events_and_answers(
    service: Ecs, given: dict[str, Any], end: str | None, message: str
) -> None:
    service.task = task(**given)
    answer = ecs.ask(TASK)
    assert (answer.state, answer.message) == (end, message)
    reported = ecs.ended(event(**given)["detail"])
    assert (reported and (reported.job_run_id, reported.job, reported.state)) == (end and (ARN, "scorer", end))


def test_a_task_that_ecs_does_not_know_has_failed_and_an_event_without_its_fields_is_refused(service: Ecs) -> None:
    assert ecs.ask(TASK).state == "FAILED"
    with pytest.raises(BadEvent, match="/detail/taskArn is missing"):
        ecs.ended({"lastStatus": "STOPPED", "taskDefinitionArn": "x"})


def test_a_launch_that_starts_nothing_is_refused_with_the_reason_and_records_nothing(world: World, run: str) -> None:
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    with pytest.raises(LaunchRefused, match=r"^ecs has started nothing for scorer: RESOURCE:MEMORY$"):
        invoke("job_tracker", awaited(run, refused=("RESOURCE:MEMORY",)))
    assert world.sql("SELECT count(*) FROM job_run") == [(0,)]


def test_the_end_of_a_task_answers_its_machine_and_a_cancel_stops_one(
    world: World, aws: FakeAws, run: str, service: Ecs
) -> None:
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("job_tracker", awaited(run, ARN))
    invoke("job_status", queue(event(code=3)))
    assert aws.answered[-1] == ("job", "JobFailed")

    other = ARN.replace("t-1", "t-2")
    invoke("job_tracker", awaited(run, other))
    invoke("operate", {"action": "cancel", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    assert service.stopped == [("batch", other)]


def test_a_task_that_nobody_recorded_is_found_and_stopped(world: World, run: str, service: Ecs) -> None:
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    service.task = task(status="RUNNING", by=f"headgate/{mark_of(run, 1, 'score')}")
    invoke(
        "outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1, "error": "JobFailed", "cause": "because"}
    )
    assert service.stopped == [("batch", ARN)]


def test_the_monitor_asks_about_a_task_whose_event_was_lost(
    aws: FakeAws, run: str, service: Ecs, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("job_tracker", awaited(run, ARN))
    service.task = task()
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(minutes=20))
    assert invoke("monitor", {})["jobs"] == 1
    assert aws.answered[-1][0] == "job"


def test_the_console_link_goes_to_the_task() -> None:
    page = "ecs/v2/clusters/batch/tasks/t-1/configuration?region=eu-west-1"
    assert ecs.console(TASK, "eu-west-1", "aws") == f"https://eu-west-1.console.aws.amazon.com/{page}"
