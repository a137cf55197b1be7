"""Statements of Redshift: what the functions make of them."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

import runtime
from job_run import JobRun
from state.errors import BadEvent, JobStillRunning, JobTimedOut
from step_types import redshift
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke, queue
from tests.state_world import World
from tests.step_types.service_steps import begun, cancel, tracked

STATEMENT = JobRun("redshift", "prod", "s-1")
STEP = {"name": "load", "type": "redshift", "resource": "prod", "settings": {"workgroup": "dwh"}, "timeout": 1800, "retry": None,
        "arguments": {"query": "CALL load(:date)", "parameters": {"date": "{business_date}", "b": True, "a": 1.5}}}  # fmt: skip


class Redshift:
    """Statements by their ids; one that has ended is not cancelled."""

    def __init__(self) -> None:
        self.statements: dict[str, dict[str, Any]] = {}
        self.stopped: list[str] = []

    def describe_statement(self, Id: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if Id not in self.statements:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "DescribeStatement")
        return self.statements[Id]

    def cancel_statement(self, Id: str) -> None:  # noqa: N803
        self.stopped.append(Id)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Redshift:
    service = Redshift()
    monkeypatch.setattr(redshift, "redshift", lambda: service)
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    return service


def event(state: str, name: str = "headgate/x/1/load") -> dict[str, Any]:
    detail = {"statementId": "s-1", "statementName": name, "state": state}
    return {"source": "aws.redshift-data", "detail-type": "Redshift Data Statement Status Change", "detail": detail}


def test_values_are_given_beside_the_statement_as_texts_and_the_name_is_the_mark(
    world: World, aws: FakeAws, service: Redshift
) -> None:
    run, given = begun(world, STEP)
    values = [{"Name": "a", "Value": "1.5"}, {"Name": "b", "Value": "true"}, {"Name": "date", "Value": TODAY}]
    name = f"headgate/{run}/1/load"
    assert given == {"database": "prod", "query": "CALL load(:date)", "parameters": values, "name": name}


@pytest.mark.parametrize(
    ("state", "end"),
    [("FINISHED", "SUCCEEDED"), ("FAILED", "FAILED"), ("ABORTED", "STOPPED"), ("STARTED", None), ("SUBMITTED", None)],
)
def test_events_and_answers_count_alike_and_strangers_statements_for_nothing(
    service: Redshift, state: str, end: str | None
) -> None:
    service.statements["s-1"] = {"Status": state}
    reported = redshift.ended(event(state)["detail"])
    assert (reported and reported.state) == redshift.ask(STATEMENT).state == end
    assert redshift.ended(event(state, "nightly-report")["detail"]) is None
    with pytest.raises(BadEvent, match="/detail/statementId is missing"):
        redshift.ended({"state": state})


def test_a_failure_names_the_reason_that_its_event_does_not(world: World, aws: FakeAws, service: Redshift) -> None:
    run, _ = begun(world, STEP)
    invoke("job_tracker", tracked(run, STEP, "s-1"))
    service.statements["s-1"] = {"Status": "FAILED", "Error": 'ERROR: relation "trades" does not exist'}
    invoke("job_status", queue(event("FAILED")))
    assert aws.answered[-1] == ("job", "JobFailed")
    assert world.sql("SELECT state, message FROM job_run") == [("FAILED", 'ERROR: relation "trades" does not exist')]


def test_an_end_that_comes_before_the_launch_is_recorded_is_kept(world: World, aws: FakeAws, service: Redshift) -> None:
    run, _ = begun(world, STEP)
    invoke("job_status", queue(event("FINISHED")))
    invoke("job_tracker", tracked(run, STEP, "s-1"))
    assert "job" in [token for token, _ in aws.answered]


def test_the_monitor_asks_and_a_statement_is_cancelled_at_its_time_out_and_on_cancel(
    world: World, aws: FakeAws, service: Redshift, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = begun(world, STEP)
    invoke("job_tracker", tracked(run, STEP, "s-1"))
    service.statements["s-1"] = {"Status": "STARTED"}
    with pytest.raises(JobStillRunning):
        invoke("job_tracker", tracked(run, STEP, "s-1", "resolve", stops=True))
    service.statements["s-1"] = {"Status": "ABORTED"}
    with pytest.raises(JobTimedOut, match="did not end within the time-out"):
        invoke("job_tracker", tracked(run, STEP, "s-1", "resolve", stops=True))

    invoke("job_tracker", tracked(run, STEP, "s-2", task_token="second"))  # and its event is lost
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(minutes=20))
    assert invoke("monitor", {})["jobs"] == 1
    assert "second" in [token for token, _ in aws.answered], "Redshift keeps a statement for a day"

    invoke("job_tracker", tracked(run, STEP, "s-3"))
    invoke("operate", cancel())
    assert service.stopped == ["s-1", "s-3"]


def test_a_workgroup_is_named_with_its_id_and_without_a_cluster(project: Any, headgate: Headgate) -> None:
    step = '{name: a, redshift: {database: d, secret: s, query: "SELECT {business_date}", WHERE}}'
    text = f'--- d1/domain.yaml\nowner: team\n--- d1/ds1.yaml\ndescription: P\nschedule: {{frequency: daily, time: "06:00"}}\npipeline: {{steps: [{step}]}}\n'
    project(text.replace("WHERE", "workgroup: dwh, cluster: c"))
    code, printed = headgate("validate")
    assert code == 1
    assert "`workgroup` without `workgroup_id`" in printed
    assert "exactly one of `workgroup`, `cluster`" in printed
    assert "without placeholders: write :name" in printed
