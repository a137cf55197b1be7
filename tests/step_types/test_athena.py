"""Athena queries: what the functions and machines make of them."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

import runtime
from job_run import JobRun, mark_of
from state.errors import BadEvent, JobStillRunning, JobTimedOut
from step_types import athena
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke, queue
from tests.state_world import World
from tests.step_types.service_steps import released

QUERY = JobRun("athena", "etl", "q-1")
STEP = {"name": "mart", "type": "athena", "resource": "etl", "arguments": {"query": "INSERT ?", "parameters": ["{business_date}", "it's", 7, True]},
        "settings": {}, "timeout": 1800, "retry": None}  # fmt: skip


class Athena:
    """Athena's queries by their ids, the latest first; `stopped` are those it was asked to stop."""

    def __init__(self) -> None:
        self.queries: dict[str, dict[str, Any]] = {}
        self.stopped: list[str] = []

    def add(self, name: str, state: str = "RUNNING", text: str = "", minutes: int = 0) -> None:
        status = {
            "State": state,
            "StateChangeReason": "no such table",
            "SubmissionDateTime": NOW - timedelta(minutes=minutes),
        }
        self.queries = {name: {"QueryExecutionId": name, "Query": text, "Status": status}} | {
            other: each for other, each in self.queries.items() if other != name
        }

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if QueryExecutionId not in self.queries:
            raise ClientError(
                {"Error": {"Code": "InvalidRequestException", "Message": "not found"}}, "GetQueryExecution"
            )
        return {"QueryExecution": self.queries[QueryExecutionId]}

    def list_query_executions(self, WorkGroup: str, MaxResults: int, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        first = int(NextToken)
        page = [*self.queries][first : first + 2]
        return {"QueryExecutionIds": page} | ({"NextToken": str(first + 2)} if first + 2 < len(self.queries) else {})

    def batch_get_query_execution(self, QueryExecutionIds: list[str]) -> dict[str, Any]:  # noqa: N803
        return {"QueryExecutions": [self.queries[each] for each in QueryExecutionIds]}

    def stop_query_execution(self, QueryExecutionId: str) -> None:  # noqa: N803
        self.stopped.append(QueryExecutionId)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Athena:
    service = Athena()
    monkeypatch.setattr(athena, "athena", lambda: service)
    return service


@pytest.fixture
def run(world: World, aws: FakeAws, service: Athena, monkeypatch: pytest.MonkeyPatch) -> str:
    """The pipeline of d1/ds1 has begun: one query."""
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    return released(world, STEP)


def tracked(run: str, action: str, **more: Any) -> dict[str, Any]:
    return {
        "action": action,
        "run_id": run,
        "attempt": 1,
        "step": "mart",
        "type": "athena",
        "job": "etl",
        "job_run_id": "q-1",
        **more,
    }


def event(state: str, **more: Any) -> dict[str, Any]:
    detail = {"currentState": state, "queryExecutionId": "q-1", "workgroupName": "etl", **more}
    return {"source": "aws.athena", "detail-type": "Athena Query State Change", "detail": detail}


def test_values_are_literals_and_the_query_carries_the_mark(run: str) -> None:
    """No value can change the statement: Athena puts the values into it as they are."""
    given = invoke("pipeline_configuration", {"run_id": run, "attempt": 1})["steps"]["mart"]

    assert given == {
        "workgroup": "etl",
        "query": f"-- headgate {run}/1/mart\nINSERT ?",
        "parameters": [f"'{TODAY}'", "'it''s'", "7", "true"],
    }


@pytest.mark.parametrize(("state", "end"), [("SUCCEEDED", "SUCCEEDED"), ("FAILED", "FAILED"), ("CANCELLED", "STOPPED"), ("RUNNING", None), ("QUEUED", None)])  # fmt: skip
def test_events_and_answers_count_alike(service: Athena, state: str, end: str | None) -> None:
    service.add("q-1", state)
    reported = athena.ended(event(state)["detail"])
    assert (reported and reported.state) == athena.ask(QUERY).state == end


def test_a_query_that_athena_does_not_know_has_failed_and_an_event_without_its_fields_is_refused(
    service: Athena,
) -> None:
    assert athena.ask(QUERY).state == "FAILED"
    with pytest.raises(BadEvent, match="/detail/workgroupName is missing"):
        athena.ended({"currentState": "FAILED", "queryExecutionId": "q-1"})


def test_the_end_of_a_query_answers_its_machine_with_athenas_reason(world: World, aws: FakeAws, run: str) -> None:
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("job_tracker", tracked(run, "await", task_token="job"))
    assert invoke("job_status", queue(event("FAILED", athenaError={"errorMessage": "no such table"}))) == {
        "batchItemFailures": []
    }

    assert aws.answered[-1] == ("job", "JobFailed")
    assert world.sql("SELECT state, message FROM job_run") == [("FAILED", "no such table")]


def test_a_query_whose_end_nobody_reported_is_asked_about_by_the_monitor(
    world: World, aws: FakeAws, run: str, service: Athena, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("job_tracker", tracked(run, "await", task_token="job"))
    service.add("q-1", "SUCCEEDED")
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(minutes=20))

    assert invoke("monitor", {})["jobs"] == 1
    assert aws.answered[-1][0] == "job"


def test_a_query_beyond_the_time_out_is_stopped_before_the_step_fails(world: World, run: str, service: Athena) -> None:
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("job_tracker", tracked(run, "await", task_token="job"))
    service.add("q-1", "RUNNING")
    with pytest.raises(JobStillRunning):
        invoke("job_tracker", tracked(run, "resolve", stops=True))
    assert service.stopped == ["q-1"]

    service.add("q-1", "CANCELLED")
    with pytest.raises(JobTimedOut, match="did not end within the time-out"):
        invoke("job_tracker", tracked(run, "resolve", stops=True))
    assert world.sql("SELECT state FROM job_run") == [("STOPPED",)]


def test_a_launch_that_nobody_recorded_is_found_and_stopped_before_the_error_is_final(
    world: World, run: str, service: Athena
) -> None:
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    service.add("q-old", text=f"-- headgate {mark_of(run, 1, 'mart')}\nINSERT", minutes=30)
    service.add("q-1", text=f"-- headgate {mark_of(run, 1, 'mart')}\nINSERT ?")
    for number in range(3):
        service.add(f"q-other-{number}", text="SELECT 1")

    invoke(
        "outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1, "error": "JobFailed", "cause": "because"}
    )

    assert "q-1" in service.stopped
    assert world.run("d1/ds1", TODAY)["status"] == "ERROR"


def test_an_operators_cancel_stops_the_query(world: World, run: str, service: Athena) -> None:
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("job_tracker", tracked(run, "await", task_token="job"))
    invoke("operate", {"action": "cancel", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    assert service.stopped == ["q-1"]


def test_the_console_link_goes_to_the_query() -> None:
    address = "https://eu-west-1.console.aws.amazon.com/athena/home?region=eu-west-1#/query-editor/history/q-1"
    assert athena.console(QUERY, "eu-west-1", "aws") == address
