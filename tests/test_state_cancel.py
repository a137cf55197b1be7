"""A run that is cancelled: its machine and its jobs are stopped, and nothing of it goes on."""

from typing import Any

import pytest

import runtime
from state.errors import ChangedMeanwhile, IllegalTransition, UnknownRun
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, day, gate, invoke, job, queue, sample
from tests.state_world import World, at
from tests.test_lost_machines import ended

CANCEL = {"action": "cancel", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"}
LATER = at("2026-11-20 07:00")


@pytest.fixture
def run(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run of d1/ds1 whose machine waits."""
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    made = day(world)
    execution = next(each for each in aws.executions if ":m_ds1:" in each)
    invoke("dependency_gate", gate(made) | {"execution_arn": execution})
    return made


def works(run: str, aws: FakeAws) -> None:
    """Its inputs have arrived and its job runs."""
    invoke("refresh_events", sample("refresh_events"))
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("job_tracker", job(run))
    aws.jobs["jr_1"] = "RUNNING"


def status(world: World) -> tuple[Any, ...]:
    found = world.run("d1/ds1", TODAY)
    return found["status"], found["attempt"], found["cause"], found["changed_by"]


@pytest.mark.parametrize("stage", ["waiting", "released", "processing"])
def test_a_run_is_cancelled_from_any_state_that_has_not_ended(world: World, aws: FakeAws, run: str, stage: str) -> None:
    if stage == "released":
        invoke("refresh_events", sample("refresh_events"))
    if stage == "processing":
        works(run, aws)

    answer = invoke("operate", {**CANCEL, "reason": "wrong file"})

    assert answer["cancelled"] == 1
    assert status(world) == ("CANCELLED", 1, "wrong file", "ann")
    assert [each["status"] for name, each in aws.executions.items() if ":m_ds1:" in name] == ["ABORTED"]
    assert aws.stopped == (["jr_1"] if stage == "processing" else [])
    due = world.sql("SELECT kind, payload ->> 'detail_type' FROM effect WHERE done_at IS NULL AND kind <> 'put_event'")
    assert due == [], "nothing of it is due any more"
    assert invoke("inquire", {"question": "why", "product": "d1/ds1"})["run"]["cause"] == "wrong file"
    with pytest.raises(
        IllegalTransition, match=f"d1/ds1 for {TODAY} is CANCELLED; only a run that has not ended can be"
    ):
        invoke("operate", CANCEL)


def test_what_its_machine_and_its_job_do_afterwards_changes_nothing(world: World, aws: FakeAws, run: str) -> None:
    works(run, aws)
    invoke("operate", CANCEL)
    before = world.sql("SELECT * FROM data_product_status_history")
    answered = len(aws.answered)

    invoke("job_status", queue(ended(aws, "ABORTED")))
    invoke("job_status", queue(
        {"source": "aws.glue", "detail-type": "Glue Job State Change",
         "detail": {"jobName": "j", "state": "SUCCEEDED", "jobRunId": "jr_1", "message": ""}}))  # fmt: skip
    with pytest.raises(IllegalTransition, match="is CANCELLED, and cannot become COMPLETED"):
        invoke("outcome_recorder", {"status": "COMPLETED", "run_id": run, "attempt": 1})
    with pytest.raises(IllegalTransition, match="is CANCELLED, so no job of it can start"):
        invoke("job_tracker", job(run) | {"job_run_id": "jr_2"})
    invoke("monitor", {})

    assert world.sql("SELECT * FROM data_product_status_history") == before
    assert len(aws.answered) == answered, "the end of its job answers nobody"
    assert aws.stopped == ["jr_1", "jr_2"], "work that starts late is stopped"
    assert world.sql("SELECT state FROM job_run WHERE job_run_id = 'jr_1'") == [("SUCCEEDED",)]
    assert len([each for each in aws.executions if ":m_ds1:" in each]) == 1, "nothing started it again"


def test_a_job_that_could_not_be_stopped_is_asked_again(
    world: World, aws: FakeAws, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    works(run, aws)
    aws.broken["BatchStopJobRun"] = "ThrottlingException"
    invoke("operate", CANCEL)
    assert (status(world)[0], aws.stopped) == ("CANCELLED", [])
    aws.broken.clear()
    monkeypatch.setattr(runtime, "now", lambda: LATER)
    invoke("monitor", {})
    assert aws.stopped == ["jr_1"]


def test_a_cancelled_run_is_run_again_when_its_job_has_stopped(
    world: World, aws: FakeAws, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    works(run, aws)
    invoke("operate", CANCEL)
    monkeypatch.setattr(runtime, "now", lambda: LATER)
    invoke("operate", {**CANCEL, "action": "rerun"})
    assert world.run("d1/ds1", TODAY)["released_at"] is None, "the job of the first attempt still runs"
    aws.jobs["jr_1"] = "STOPPED"
    invoke("monitor", {})
    assert world.run("d1/ds1", TODAY)["release_reason"] == "the job of the earlier attempt ended"


def test_a_cancellation_during_a_second_attempt_stops_the_work_of_the_first_as_well(
    world: World, aws: FakeAws, run: str
) -> None:
    works(run, aws)
    invoke("outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1, "error": "States.Timeout"})
    invoke("operate", {**CANCEL, "action": "rerun"})
    assert invoke("operate", CANCEL)["jobs"][0]["job_run_id"] == "jr_1"
    assert aws.stopped == ["jr_1", "jr_1"], "when it failed, and once more by the cancellation"


def test_there_is_nothing_to_cancel_without_a_run(world: World, aws: FakeAws, run: str) -> None:
    with pytest.raises(UnknownRun, match="d1/ds1 has no run for 2026-11-19"):
        invoke("operate", {**CANCEL, "business_date": "2026-11-19"})


def test_a_preview_of_it_changes_nothing_and_binds_the_operator_to_it(world: World, aws: FakeAws, run: str) -> None:
    works(run, aws)
    before = world.sql("SELECT * FROM data_product_status_history")

    preview = invoke("operate", {**CANCEL, "preview": True})

    assert (world.sql("SELECT * FROM data_product_status_history"), aws.stopped) == (before, [])
    (changed,) = preview["runs"]
    assert (changed["was"], changed["status"], changed["events"]) == ("PROCESSING", "CANCELLED", ["cancelled"])
    assert [(each["job_run_id"], each["stopped"]) for each in preview["jobs"]] == [("jr_1", True)]
    assert ("stop_execution", 1) in [(each["kind"], each["count"]) for each in preview["effects"]]
    assert preview["account"] == "123456789012"

    invoke("job_status", queue({"source": "aws.glue", "detail-type": "Glue Job State Change",
        "detail": {"jobName": "j", "state": "SUCCEEDED", "jobRunId": "jr_1", "message": ""}}))  # fmt: skip
    with pytest.raises(ChangedMeanwhile, match="something else would change now than in the preview"):
        invoke("operate", {**CANCEL, "expect": preview["digest"]})
    assert world.run("d1/ds1", TODAY)["status"] == "PROCESSING"

    again = invoke("operate", {**CANCEL, "preview": True})
    assert invoke("operate", {**CANCEL, "expect": again["digest"]})["cancelled"] == 1
