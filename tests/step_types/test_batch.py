"""Batch jobs: what the functions make of them."""

from datetime import timedelta
from typing import Any

import pytest

import runtime
from job_run import JobRun
from state.errors import BadEvent, JobStillRunning, JobTimedOut, LaunchNotFound
from step_types import batch
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke, queue
from tests.state_world import World
from tests.step_types.service_steps import begun, cancel, failed, tracked

JOB = JobRun("batch", "fit", "j-1")
STEP = {"name": "fit", "type": "batch", "resource": "fit", "settings": {"queue": "nightly"}, "timeout": 1800, "retry": None,
        "arguments": {"parameters": {"date": "{business_date}"}, "command": ["fit", "Ref::date"], "environment": {"B": "{attempt}", "A": "x"}}}  # fmt: skip


def job(status: str, name: str = "headgate-x", number: str = "j-1", **more: Any) -> dict[str, Any]:
    definition = "arn:aws:batch:us-east-1:123456789012:job-definition/fit:3"
    return {"jobId": number, "jobName": name, "jobDefinition": definition, "status": status} | more


class Batch:
    """Jobs of the queue `nightly`, one a page; `stopped` are those it was asked to end."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        self.stopped: list[tuple[str, str]] = []

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        return {"jobs": [each for each in self.jobs if each["jobId"] in jobs]}

    def list_jobs(self, jobQueue: str, filters: list[dict[str, Any]], nextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        ((wanted,),) = (each["values"] for each in filters if each["name"] == "JOB_NAME")
        found = [each for each in self.jobs if each["jobName"] == wanted and jobQueue == "nightly"]
        first = int(nextToken)
        more = {"nextToken": str(first + 1)} if first + 1 < len(found) else {}
        return {"jobSummaryList": found[first : first + 1], **more}

    def terminate_job(self, jobId: str, reason: str) -> None:  # noqa: N803
        self.stopped.append((jobId, reason))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Batch:
    service = Batch()
    monkeypatch.setattr(batch, "batch", lambda: service)
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    return service


def event(status: str, **more: Any) -> dict[str, Any]:
    return {"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": job(status, **more)}


def test_the_launch_is_named_by_the_mark_and_given_values(world: World, aws: FakeAws, service: Batch) -> None:
    run, given = begun(world, STEP)
    assert given == {
        "definition": "fit",
        "parameters": {"date": TODAY},
        "command": ["fit", "Ref::date"],
        "environment": [{"Name": "A", "Value": "x"}, {"Name": "B", "Value": "1"}],
        "job_name": f"headgate-{run}-1-fit",
    }
    assert len(f"headgate-{run}-{2**31}-{'s' * 40}") <= 128, "the longest name fits"


@pytest.mark.parametrize(
    ("given", "end", "message"),
    [
        (job("RUNNABLE"), None, ""),
        (job("SUCCEEDED", container={"exitCode": 0}), "SUCCEEDED", ""),
        (job("FAILED", statusReason="Essential container in task exited", container={"exitCode": 3, "reason": "OutOfMemoryError"}), "FAILED",
         "the container ended with exit code 3; OutOfMemoryError; Essential container in task exited"),
        (job("FAILED", statusReason="Host EC2 (instance i-1) terminated."), "FAILED", "the container did not run; Host EC2 (instance i-1) terminated."),
        (job("FAILED", statusReason="Stopped by Headgate", container={"exitCode": 137}), "STOPPED", "the container ended with exit code 137; Stopped by Headgate"),
        (job("FAILED", statusReason="by hand", isTerminated=True), "STOPPED", "the container did not run; by hand"),
        (job("FAILED", statusReason="Job attempt duration exceeded timeout", isTerminated=True), "TIMEOUT", "the container did not run; Job attempt duration exceeded timeout"),
    ],
)  # fmt: skip
def test_events_and_answers_count_alike(service: Batch, given: dict[str, Any], end: str | None, message: str) -> None:
    service.jobs = [given]
    answer, reported = batch.ask(JOB), batch.ended(given)
    assert (answer.state, answer.message) == (end, message)
    assert (reported and (reported.job_run_id, reported.job, reported.state)) == (end and ("j-1", "fit", end))


def test_jobs_of_others_and_events_without_their_fields_count_for_nothing(service: Batch) -> None:
    assert batch.ended(job("FAILED", name="by-hand")) is None
    assert batch.ask(JOB).state == "FAILED", "Batch keeps a job for a week"
    with pytest.raises(BadEvent, match="/detail/jobDefinition is missing"):
        batch.ended({"jobId": "j-1", "jobName": "headgate-x", "status": "FAILED"})


def test_the_end_of_a_job_answers_its_machine_once_by_event_or_by_the_monitor(
    world: World, aws: FakeAws, service: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = begun(world, STEP)
    invoke("job_tracker", tracked(run, STEP, "j-1"))
    invoke("job_status", queue(event("FAILED", container={"exitCode": 3})))
    assert ("job", "JobFailed") in aws.answered

    invoke("job_tracker", tracked(run, STEP, "j-2", task_token="second"))
    service.jobs = [job("SUCCEEDED", number="j-2")]
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(minutes=20))
    assert invoke("monitor", {})["jobs"] == 1, "its event was lost"
    assert "second" in [token for token, _ in aws.answered]


def test_a_job_is_terminated_at_its_time_out_and_on_cancel(world: World, aws: FakeAws, service: Batch) -> None:
    run, _ = begun(world, STEP)
    invoke("job_tracker", tracked(run, STEP, "j-1"))
    service.jobs = [job("RUNNABLE")]
    with pytest.raises(JobStillRunning):
        invoke("job_tracker", tracked(run, STEP, "j-1", "resolve", stops=True))
    service.jobs = [job("FAILED", statusReason=service.stopped[0][1])]
    with pytest.raises(JobTimedOut, match="did not end within the time-out"):
        invoke("job_tracker", tracked(run, STEP, "j-1", "resolve", stops=True))

    invoke("job_tracker", tracked(run, STEP, "j-2"))
    invoke("operate", cancel())
    assert [each for each, _ in service.stopped] == ["j-1", "j-2"]


def test_a_launch_without_an_answer_is_found_by_its_name_and_else_made_again(
    world: World, aws: FakeAws, service: Batch
) -> None:
    run, given = begun(world, STEP)
    asked = {"action": "find", "run_id": run, "attempt": 1, "step": "fit", "type": "batch", "job": "fit"}
    with pytest.raises(LaunchNotFound):
        invoke("job_tracker", asked)
    service.jobs = [job("FAILED", given["job_name"], "j-0"), job("RUNNING", given["job_name"], "j-1")]
    invoke("job_tracker", tracked(run, STEP, "j-0"))
    assert invoke("job_tracker", asked) == {"job_run_id": "j-1"}, "the first is recorded: it is that of another try"

    invoke("outcome_recorder", failed(run))
    assert [each for each, _ in service.stopped] == ["j-1"], (
        "it was never recorded, and is stopped before the run is ERROR"
    )
    assert world.run("d1/ds1", TODAY)["status"] == "ERROR"


def test_the_console_link_goes_to_the_job() -> None:
    address = "https://eu-west-1.console.aws.amazon.com/batch/home?region=eu-west-1#jobs/detail/j-1"
    assert batch.console(JOB, "eu-west-1", "aws") == address
