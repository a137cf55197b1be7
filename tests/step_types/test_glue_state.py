"""Glue jobs as the functions see them: events, questions, stopping, the console link."""

import pytest

from job_run import JobRun
from state.errors import BadEvent
from step_types import glue
from tests.fake_aws import FakeAws
from tests.handler_steps import glue_event

JOB = JobRun("glue", "build", "jr_1")


@pytest.mark.parametrize(
    ("state", "end"),
    [
        ("SUCCEEDED", "SUCCEEDED"),
        ("FAILED", "FAILED"),
        ("ERROR", "FAILED"),
        ("TIMEOUT", "TIMEOUT"),
        ("EXPIRED", "TIMEOUT"),
        ("STOPPED", "STOPPED"),
        ("STOPPING", None),
        ("RUNNING", None),
        ("WAITING", None),
    ],
)
def test_events_and_answers_count_alike(monkeypatch: pytest.MonkeyPatch, state: str, end: str | None) -> None:
    aws = FakeAws(jobs={"jr_1": state})
    monkeypatch.setattr(glue, "glue", lambda: aws)
    reported = glue.ended(glue_event(state)["detail"])
    assert (reported and reported.state) == glue.ask(JOB).state == end


def test_an_event_without_its_fields_is_refused() -> None:
    with pytest.raises(BadEvent, match="/detail/jobRunId is missing"):
        glue.ended({"jobName": "j", "state": "FAILED"})


def test_the_console_link_goes_to_the_job_run() -> None:
    assert glue.console(JOB, "us-east-1", "aws") == (
        "https://us-east-1.console.aws.amazon.com/gluestudio/home?region=us-east-1#/job/build/run/jr_1"
    )
