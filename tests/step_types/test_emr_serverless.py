"""Job runs of EMR Serverless: what the functions make of them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

import runtime
from job_run import JobRun
from state.errors import BadEvent, JobStillRunning, JobTimedOut
from step_types import emr_serverless
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke, queue
from tests.state_world import World
from tests.step_types.service_steps import begun, cancel, failed, tracked

RUN = JobRun("emr_serverless", "00f1", "r-1")
STEP = {"name": "model", "type": "emr_serverless", "resource": "00f1", "settings": {"role": "model"}, "timeout": 1800, "retry": None,
        "arguments": {"arguments": ["--date", "{business_date}"]}}  # fmt: skip


class Emr:
    """Job runs of the application `00f1`, one a page."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.stopped: list[str] = []

    def get_job_run(self, applicationId: str, jobRunId: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if applicationId != "00f1" or jobRunId not in self.runs:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "GetJobRun")
        return {"jobRun": self.runs[jobRunId]}

    def list_job_runs(
        self,
        applicationId: str,  # noqa: N803
        createdAtAfter: datetime,  # noqa: N803
        maxResults: int,  # noqa: N803
        nextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        found = [{"id": number, **each} for number, each in self.runs.items() if each["createdAt"] >= createdAtAfter]
        first = int(nextToken)
        more = {"nextToken": str(first + 1)} if first + 1 < len(found) else {}
        return {"jobRuns": found[first : first + 1], **more}

    def cancel_job_run(self, applicationId: str, jobRunId: str) -> None:  # noqa: N803
        self.stopped.append(jobRunId)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Emr:
    service = Emr()
    monkeypatch.setattr(emr_serverless, "emr_serverless", lambda: service)
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    return service


def event(state: str) -> dict[str, Any]:
    detail = {"jobRunId": "r-1", "applicationId": "00f1", "state": state, "previousState": "RUNNING"}
    return {"source": "aws.emr-serverless", "detail-type": "EMR Serverless Job Run State Change", "detail": detail}


@pytest.mark.parametrize(
    ("state", "end"),
    [("SUCCESS", "SUCCEEDED"), ("FAILED", "FAILED"), ("CANCELLED", "STOPPED"), ("RUNNING", None), ("QUEUED", None), ("CANCELLING", None)],
)  # fmt: skip
def test_events_and_answers_count_alike(service: Emr, state: str, end: str | None) -> None:
    service.runs["r-1"] = {"state": state, "stateDetails": "exit code 1"}
    reported = emr_serverless.ended(event(state)["detail"])
    assert (reported and (reported.job_run_id, reported.job, reported.state)) == (end and ("r-1", "00f1", end))
    assert emr_serverless.ask(RUN).state == end
    with pytest.raises(BadEvent, match="/detail/applicationId is missing"):
        emr_serverless.ended({"state": state, "jobRunId": "r-1"})


def test_a_failure_names_the_reason_that_its_event_does_not(world: World, aws: FakeAws, service: Emr) -> None:
    run, given = begun(world, STEP)
    name = f"headgate/{run}/1/model"
    assert given == {"application": "00f1", "arguments": ["--date", TODAY], "name": name}
    invoke("job_tracker", tracked(run, STEP, "r-1"))
    service.runs["r-1"] = {"state": "FAILED", "stateDetails": "Job failed: exit code 1"}
    invoke("job_status", queue(event("FAILED")))
    assert aws.answered[-1] == ("job", "JobFailed")
    assert world.sql("SELECT state, message FROM job_run") == [("FAILED", "Job failed: exit code 1")]


def test_an_end_is_recorded_though_its_reason_cannot_be_asked_for(
    world: World, aws: FakeAws, service: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = begun(world, STEP)
    invoke("job_tracker", tracked(run, STEP, "r-1"))

    asked = []

    def refused(**given: Any) -> None:
        asked.append(given["jobRunId"])
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetJobRun")

    monkeypatch.setattr(service, "get_job_run", refused)
    assert invoke("job_status", queue(event("FAILED"), event("FAILED"))) == {"batchItemFailures": []}
    assert aws.answered[-1] == ("job", "JobFailed")
    assert asked == ["r-1"], "a service that does not answer holds up no other end"


def test_the_monitor_asks_and_a_job_run_is_cancelled_at_its_time_out_and_on_cancel(
    world: World, aws: FakeAws, service: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = begun(world, STEP)
    invoke("job_tracker", tracked(run, STEP, "r-1"))
    service.runs["r-1"] = {"state": "QUEUED"}
    with pytest.raises(JobStillRunning):
        invoke("job_tracker", tracked(run, STEP, "r-1", "resolve", stops=True))
    service.runs["r-1"] = {"state": "CANCELLED"}
    with pytest.raises(JobTimedOut, match="did not end within the time-out"):
        invoke("job_tracker", tracked(run, STEP, "r-1", "resolve", stops=True))

    invoke("job_tracker", tracked(run, STEP, "r-2", task_token="second"))  # and its event is lost
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(minutes=20))
    assert invoke("monitor", {})["jobs"] == 1
    assert "second" in [token for token, _ in aws.answered], "the service does not know it"

    invoke("job_tracker", tracked(run, STEP, "r-3"))
    invoke("operate", cancel())
    assert service.stopped == ["r-1", "r-3"]


def test_a_job_run_that_nobody_recorded_is_found_by_its_name_and_stopped(
    world: World, aws: FakeAws, service: Emr
) -> None:
    run, given = begun(world, STEP)
    for number, name in enumerate(("other", given["name"], "last")):
        service.runs[f"r-{number}"] = {"state": "RUNNING", "name": name, "createdAt": NOW}
    service.runs["r-old"] = {"state": "RUNNING", "name": given["name"], "createdAt": NOW - timedelta(days=1)}
    invoke("outcome_recorder", failed(run))
    assert service.stopped == ["r-1"]
    assert world.run("d1/ds1", TODAY)["status"] == "ERROR"


def test_the_console_link_goes_to_the_application() -> None:
    address = "https://eu-west-1.console.aws.amazon.com/emr/home?region=eu-west-1#/serverless/applications/00f1"
    assert emr_serverless.console(RUN, "eu-west-1", "aws") == address
