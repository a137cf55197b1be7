"""Executions of other machines: what the functions make of them."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from job_run import JobRun
from job_status import parse
from state.errors import BadEvent
from step_types import machine
from tests.handler_steps import NOW

MARK = "0b4e/1/other"
PREFIX = machine.marked({"input": {}}, MARK)["prefix"]
NAME = "arn:aws:states:us-east-1:123456789012:execution:legacy:headgate-1"


def event(status: str, of: str = "legacy", **more: Any) -> dict[str, Any]:
    arn = f"arn:aws:states:us-east-1:123456789012:stateMachine:{of}"
    detail = {
        "executionArn": NAME,
        "stateMachineArn": arn,
        "name": "headgate-1",
        "status": status,
        "error": None,
        "cause": None,
    }
    return {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail | more}


class States:
    """Executions, the latest first, two a page."""

    def __init__(self, *executions: dict[str, Any]) -> None:
        self.executions = executions
        self.stopped: list[str] = []
        self.asked: set[str] = set()

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if not self.executions:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": "gone"}}, "DescribeExecution")
        return self.executions[0]

    def list_executions(self, stateMachineArn: str, maxResults: int, nextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        self.asked.add(stateMachineArn)
        first = int(nextToken)
        more = {"nextToken": str(first + 2)} if first + 2 < len(self.executions) else {}
        return {"executions": [*self.executions[first : first + 2]], **more}

    def stop_execution(self, executionArn: str, error: str, cause: str) -> None:  # noqa: N803
        self.stopped.append(executionArn)


def use(service: States, monkeypatch: pytest.MonkeyPatch) -> States:
    monkeypatch.setattr(machine, "stepfunctions", lambda: service)
    monkeypatch.setenv("STATE_MACHINE_ARN_PREFIX", "arn:aws:states:us-east-1:123456789012:stateMachine:prod-")
    return service


@pytest.mark.parametrize(
    ("status", "end"),
    [("SUCCEEDED", "SUCCEEDED"), ("FAILED", "FAILED"), ("TIMED_OUT", "TIMEOUT"), ("ABORTED", "STOPPED"), ("RUNNING", None), ("PENDING_REDRIVE", None)],
)  # fmt: skip
def test_events_and_answers_count_alike(monkeypatch: pytest.MonkeyPatch, status: str, end: str | None) -> None:
    use(States({"status": status, "error": "Bad", "cause": "row 3"}), monkeypatch)
    answer = machine.ask(JobRun("machine", "legacy", NAME))
    reported = machine.ended(event(status, error="Bad", cause="row 3")["detail"])
    assert (reported and reported.state) == answer.state == end
    assert answer.message == "Bad: row 3"
    assert reported is None or (reported.job_run_id, reported.job, reported.message) == (NAME, "legacy", "Bad: row 3")


def test_an_end_of_another_machine_is_no_end_of_ours_and_the_reverse(monkeypatch: pytest.MonkeyPatch) -> None:
    use(States(), monkeypatch)
    assert parse(event("SUCCEEDED")) == {
        "type": "machine",
        "job_run_id": NAME,
        "job": "legacy",
        "state": "SUCCEEDED",
        "message": "",
    }
    assert parse(event("SUCCEEDED", name="by-hand")) is None, "nobody's step started it"
    ours = parse(event("ABORTED", "prod-d1_ds1"))
    assert ours is not None
    assert ours["machine"] == "d1_ds1"
    assert parse(event("SUCCEEDED", "prod-d1_ds1")) is None
    broken = event("FAILED")
    del broken["detail"]["executionArn"]
    with pytest.raises(BadEvent, match="/detail/executionArn is missing"):
        parse(broken)


def test_an_execution_is_found_by_its_name_among_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    started = NOW + timedelta(minutes=1)
    others = [
        {"executionArn": f"e-{number}", "name": f"by-hand-{number}", "status": "RUNNING", "startDate": started}
        for number in range(3)
    ]
    ours = {"executionArn": "e-ours", "name": f"{PREFIX}-abc", "status": "RUNNING", "startDate": started}
    old = {"executionArn": "e-old", "name": "old", "status": "FAILED", "startDate": NOW - timedelta(hours=1)}
    service = use(States(*others, ours, old), monkeypatch)
    (found,) = machine.launched("legacy", {}, MARK, NOW)
    assert (found.job_run_id, found.state) == ("e-ours", None)
    assert service.asked == {"arn:aws:states:us-east-1:123456789012:stateMachine:legacy"}


def test_an_execution_is_stopped_and_one_that_is_gone_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    service = use(States(), monkeypatch)
    job_run = JobRun("machine", "legacy", NAME)
    assert machine.ask(job_run).state == "FAILED"
    machine.stop(job_run)
    assert service.stopped == [NAME]
    page = f"states/home?region=us-east-1#/v2/executions/details/{NAME}"
    assert machine.console(job_run, "us-east-1", "aws") == f"https://us-east-1.console.aws.amazon.com/{page}"


def test_names_fit_and_tell_steps_apart() -> None:
    assert len(f"{PREFIX}-{'0' * 32}") <= 80
    assert machine.marked({"input": {}}, "0b4e/2/other")["prefix"] != PREFIX
