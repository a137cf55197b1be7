"""Between the launch of a job and its record nothing is lost and nothing doubled."""

from collections.abc import Callable
from typing import Any

import pytest

import runtime
from job_run import mark_of
from state.errors import LaunchNotFound, StateUnavailable
from tests.fake_aws import FakeAws
from tests.handler_steps import TODAY, gate, glue_event, invoke, job, queue, sample
from tests.moto_engine import Answer, Raise, execute
from tests.state_world import World, at, external, product, step
from tests.test_lost_machines import ended
from tests.test_machines import END_FAILED, FAILED, PUBLISH_FAILURE, machine

START, SEVEN = "06:30", "07:00"
LOOK = "Look for the launch of build"


@pytest.fixture
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def show(time: str) -> None:
        monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} {time}"))

    show(START)
    return show


@pytest.fixture
def run(world: World, clock: Callable[[str], None]) -> str:
    """The pipeline of d1/ds1 has begun: `build` and `check` run side by side."""
    steps = [{"parallel": [[step("build")], [step("check")]]}]
    entry = product("raw/rd1", name="ds1", pipeline={"timeout": None, "steps": steps})
    world.load({"raw/rd1": external(), "d1/ds1": entry}, at("2026-11-20 00:00"))
    invoke("scheduler", sample("scheduler"))
    found = str(world.run("d1/ds1", TODAY)["run_id"])
    invoke("dependency_gate", gate(found))
    world.event("raw/rd1", TODAY, runtime.now())
    invoke("pipeline_configuration", {"run_id": found, "attempt": 1})
    return found


def launched(aws: FakeAws, run: str, name: str, job_run: str, state: str = "RUNNING", attempt: int = 1) -> None:
    """The job runs, and its machine does not know it."""
    arguments = {"--headgate_launch": mark_of(run, attempt, name)}
    given = {
        "Id": job_run,
        "JobName": f"job-{name}",
        "JobRunState": state,
        "StartedOn": runtime.now(),
        "Arguments": arguments,
    }
    aws.launched.insert(0, given)
    aws.jobs[job_run] = state


def failed(run: str, attempt: int = 1, error: str = "JobFailed") -> dict[str, Any]:
    return {"status": "ERROR", "run_id": run, "attempt": attempt, "error": error, "cause": "because"}


def look(run: str) -> Any:
    event = {"action": "find", "run_id": run, "attempt": 1, "step": "build", "type": "glue", "job": "job-build"}
    return invoke("job_tracker", event)


def jobs(world: World) -> list[tuple[Any, ...]]:
    return world.sql("SELECT job_run_id, step, attempt, state, stop_asked_at IS NOT NULL FROM job_run ORDER BY 1")


def test_every_launch_carries_the_run_the_attempt_and_the_step(world: World, run: str) -> None:
    steps = invoke("pipeline_configuration", {"run_id": run, "attempt": 1})["steps"]

    assert {key: each["arguments"]["--headgate_launch"] for key, each in steps.items()} == {
        "build": f"{run}/1/build",
        "check": f"{run}/1/check",
    }


def test_the_job_of_another_branch_is_found_recorded_and_stopped_before_the_error_is_final(
    world: World, aws: FakeAws, run: str, clock: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`build` failed while `check` was launched: its machine never came to record it."""
    for number in range(3):  # runs of others, on several pages
        launched(aws, "another", "check", f"jr_other_{number}")
    launched(aws, run, "check", "jr_check")
    statuses = []
    stop = aws.batch_stop_job_run

    def stopping(**given: Any) -> Any:
        statuses.append(world.run("d1/ds1", TODAY)["status"])
        return stop(**given)

    monkeypatch.setattr(aws, "batch_stop_job_run", stopping)
    clock(SEVEN)

    invoke("outcome_recorder", failed(run))

    assert (statuses, aws.stopped) == (["PROCESSING"], ["jr_check"])
    assert jobs(world) == [("jr_check", "check", 1, "STARTED", True)]
    assert world.run("d1/ds1", TODAY)["status"] == "ERROR"

    invoke("operate", {"action": "rerun", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    assert world.run("d1/ds1", TODAY)["released_at"] is None, "its job still runs"
    ended = glue_event("STOPPED", "jr_check")
    invoke("job_status", queue({**ended, "detail": {**ended["detail"], "jobName": "job-check"}}))
    assert world.run("d1/ds1", TODAY)["released_at"] is not None


def test_a_job_that_is_recorded_is_stopped_as_well(world: World, aws: FakeAws, run: str) -> None:
    invoke("job_tracker", job(run) | {"step": "check", "job": "job-check", "job_run_id": "jr_check"})

    invoke("outcome_recorder", failed(run))

    assert (aws.stopped, jobs(world)) == (["jr_check"], [("jr_check", "check", 1, "STARTED", True)])


def test_a_late_machine_of_an_earlier_attempt_stops_nothing_of_the_next(world: World, aws: FakeAws, run: str) -> None:
    invoke("outcome_recorder", failed(run))
    invoke("operate", {"action": "rerun", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    invoke("pipeline_configuration", {"run_id": run, "attempt": 2})
    invoke("job_tracker", job(run) | {"attempt": 2, "step": "check", "job": "job-check", "job_run_id": "jr_2"})

    invoke("outcome_recorder", failed(run))

    assert aws.stopped == []


def test_the_error_waits_until_glue_says_what_still_runs(
    world: World, aws: FakeAws, run: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By this name the machine asks again, for hours. What Glue refuses to say keeps no outcome from being recorded."""
    aws.broken["GetJobRuns"] = "ThrottlingException"
    with pytest.raises(StateUnavailable, match=r"^what still runs is not known: ThrottlingException"):
        invoke("outcome_recorder", failed(run))
    assert world.run("d1/ds1", TODAY)["status"] == "PROCESSING"

    aws.broken["GetJobRuns"] = "AccessDeniedException"
    invoke("outcome_recorder", failed(run))
    assert world.run("d1/ds1", TODAY)["status"] == "ERROR"
    assert "launches_unknown" in caplog.text


def test_a_run_that_never_began_asks_nobody(world: World, aws: FakeAws, clock: Callable[[str], None]) -> None:
    world.load({"raw/rd1": external(), "d1/ds1": product("raw/rd1", name="ds1")}, at("2026-11-20 00:00"))
    invoke("scheduler", sample("scheduler"))
    aws.broken["GetJobRuns"] = "ThrottlingException"

    invoke("outcome_recorder", failed(str(world.run("d1/ds1", TODAY)["run_id"]), error="DeadlineExceeded"))

    assert world.run("d1/ds1", TODAY)["status"] == "ERROR"


def test_a_pipeline_that_is_ended_by_its_timeout_leaves_no_job_behind(
    world: World, aws: FakeAws, run: str, clock: Callable[[str], None]
) -> None:
    world.sql("UPDATE data_product SET pipeline_seconds = 3600")
    launched(aws, run, "check", "jr_check")
    clock("07:30")

    assert invoke("monitor", {})["overdue"] == 1

    assert (world.run("d1/ds1", TODAY)["error"], aws.stopped) == ("PipelineTimedOut", ["jr_check"])


def test_a_launch_that_was_not_answered_is_found(world: World, aws: FakeAws, run: str) -> None:
    with pytest.raises(LaunchNotFound):
        look(run)
    launched(aws, run, "build", "jr_1", "FAILED")
    invoke("job_tracker", job(run) | {"job": "job-build", "job_run_id": "jr_1"})
    with pytest.raises(LaunchNotFound):  # that is the try before, which is recorded
        look(run)
    launched(aws, run, "build", "jr_2")

    assert look(run) == {"job_run_id": "jr_2"}
    aws.broken["GetJobRuns"] = "ThrottlingException"
    with pytest.raises(StateUnavailable):
        look(run)


@pytest.mark.slow
@pytest.mark.parametrize("error", ["InternalServiceException", "OperationTimeoutException"])
def test_a_machine_looks_for_a_launch_before_it_repeats_it(error: str) -> None:
    found = execute(machine("one-step"), {"glue.start": [Raise(error)]})
    assert found.status == "SUCCEEDED"
    assert len(found.called("glue.start")) == 1
    assert [each["job_run_id"] for each in found.called("tracker.await")] == ["jr_found"]

    none: dict[str, list[Answer]] = {"glue.start": [Raise(error)], "tracker.find": [Raise("LaunchNotFound")] * 4}
    again = execute(machine("one-step"), none)
    assert again.status == "SUCCEEDED"
    assert len(again.called("glue.start")) == 2
    assert [each["job_run_id"] for each in again.called("tracker.await")] == ["jr_1"]

    never = execute(machine("one-step"), none | {"glue.start": [Raise(error)] * 2})
    assert never.states[-3:] == [FAILED, PUBLISH_FAILURE, END_FAILED]
    assert never.error == f"Glue.{error}"


def machine_ended(aws: FakeAws, status: str, **more: str) -> None:
    """The execution of d1/ds1 ended without a last word."""
    (arn,) = aws.executions
    aws.executions[arn] |= {"status": status, **more}


def test_a_run_whose_work_has_succeeded_is_completed_though_its_machine_died(
    world: World, aws: FakeAws, run: str, clock: Callable[[str], None]
) -> None:
    """One end was not reported, one was launched and never recorded: both have succeeded."""
    invoke("job_tracker", job(run) | {"job": "job-build", "job_run_id": "jr_build"})
    launched(aws, run, "build", "jr_build", "SUCCEEDED")
    launched(aws, run, "check", "jr_check", "SUCCEEDED")
    machine_ended(aws, "FAILED", error="States.Runtime")
    clock("08:00")
    assert invoke("monitor", {})["jobs"] == 1
    clock("08:10")

    assert invoke("monitor", {})["executions"] == 1

    found = world.run("d1/ds1", TODAY)
    assert (found["status"], found["attempt"], found["error"]) == ("COMPLETED", 1, None)
    assert [each["DetailType"] for each in aws.events if "Refreshed" in each["DetailType"]] == [
        "Data Product Refreshed"
    ]
    assert {each[0]: each[3] for each in jobs(world)} == {"jr_build": "SUCCEEDED", "jr_check": "SUCCEEDED"}
    assert aws.stopped == []


def test_a_run_with_a_step_that_did_not_run_is_not_completed(
    world: World, aws: FakeAws, run: str, clock: Callable[[str], None]
) -> None:
    launched(aws, run, "build", "jr_build", "SUCCEEDED")
    machine_ended(aws, "TIMED_OUT")
    clock("08:00")

    assert invoke("monitor", {})["executions"] == 1
    assert world.run("d1/ds1", TODAY)["status"] == "ERROR"


def test_the_end_of_a_machine_waits_for_glue_and_keeps_no_other_message(
    world: World, aws: FakeAws, run: str, clock: Callable[[str], None]
) -> None:
    machine_ended(aws, "ABORTED")
    aws.broken["GetJobRuns"] = "ThrottlingException"
    clock("08:00")
    assert invoke("monitor", {})["executions"] == 0
    assert world.run("d1/ds1", TODAY)["status"] == "PROCESSING"

    aws.broken.clear()
    clock("08:10")
    assert invoke("monitor", {})["executions"] == 1
    assert world.run("d1/ds1", TODAY)["status"] == "ERROR"


@pytest.mark.parametrize("again", [False, True])
def test_what_a_cancelled_machine_has_launched_is_stopped_when_it_has_ended(
    world: World, aws: FakeAws, run: str, clock: Callable[[str], None], again: bool
) -> None:
    """`check` was being launched while an operator cancelled the run; the next attempt may have begun by now."""
    named = {"product": "d1/ds1", "business_date": TODAY, "actor": "ann"}
    clock(SEVEN)
    invoke("operate", {**named, "action": "cancel"})
    assert aws.stopped == [], "nothing is known to run"
    launched(aws, run, "check", "jr_check")
    machine_ended = ended(aws, "ABORTED", error="Cancelled", cause="cancelled by ann")
    if again:
        invoke("operate", {**named, "action": "rerun"})

    invoke("job_status", queue(machine_ended))

    assert aws.stopped == ["jr_check"]
    assert ("jr_check", "check", 1, "STARTED", True) in jobs(world)
    assert world.run("d1/ds1", TODAY)["status"] == ("WAITING" if again else "CANCELLED")
