"""Job runs of every step type: the pipeline begins, work starts and ends, late work is stopped and never lost."""

from typing import Any

import pytest

import runtime
from state.errors import IllegalTransition, JobFailed, JobStillRunning, StaleAttempt, StateUnavailable, UnknownStepType
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, day, gate, glue_event, invoke, job, queue, sample
from tests.state_steps import LOADED, SIX, effects, opened, uuid, wait
from tests.state_world import World, at, product, step

LATER = at("2026-11-20 07:00")


@pytest.fixture
def run(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run of d1/ds1 that is released and waits for its machine; it is 6:30."""
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    made = day(world)
    invoke("dependency_gate", gate(made))
    invoke("refresh_events", sample("refresh_events"))
    return made


def begin(run: str, attempt: int = 1) -> dict[str, Any]:
    given = {"run_id": run, "attempt": attempt, "execution_arn": "arn:aws:states:x:1:execution:m:e"}
    steps: dict[str, Any] = invoke("pipeline_configuration", given)["steps"]
    return steps


def invocation(run: str, action: str, attempt: int = 1, **more: Any) -> dict[str, Any]:
    """Of the step `check`, of type lambda: its machine records the start and the end."""
    named = {"step": "check", "type": "lambda", "job": "check-it", "job_run_id": f"{run}/{attempt}/check/06:30"}
    event = {"action": action, "run_id": run, "attempt": attempt, **named, **more}
    return event | ({"timeout": 600} if action == "start" else {})


def job_rows(world: World) -> list[tuple[Any, ...]]:
    return world.sql("SELECT job_run_id, type, attempt, state, stop_asked_at IS NOT NULL FROM job_run ORDER BY 1")


def test_a_run_is_processing_when_its_pipeline_begins(world: World, aws: FakeAws, run: str) -> None:
    first = begin(run)
    row = world.run("d1/ds1", TODAY)
    assert (row["status"], row["started_at"]) == ("PROCESSING", NOW)
    assert [alert["kind"] for alert in aws.alerts] == ["STARTED"]

    assert begin(run) == first
    assert len(world.sql("SELECT 1 FROM data_product_status_history WHERE status = 'PROCESSING'")) == 1
    assert len(aws.alerts) == 1
    invoke("outcome_recorder", {"status": "COMPLETED", "run_id": run, "attempt": 1})
    with pytest.raises(IllegalTransition, match="is COMPLETED, so its pipeline cannot begin"):
        begin(run)
    with pytest.raises(StaleAttempt):
        begin(run, attempt=2)


def test_placeholders_are_filled_in_at_any_depth(world: World) -> None:
    payload = {
        "plain": 'a "quoted" {business_date} and {unknown}',
        "nested": [{"{product}": "{domain}/{product}", "number": 1.5, "none": None}, "{run_id}", True, "{attempt}"],
        "cycle": "<{cycle}>",
    }
    steps = [{**step("check-it", payload), "type": "lambda", "resource": "checker:live"}]
    world.load({"d/x": product(pipeline={"steps": steps})}, LOADED)
    opened(world)
    run = uuid(world, "d/x")

    configured = world.state.begin_pipeline(run, 1, None, SIX)

    assert configured == {
        "check_it": {
            "type": "lambda",
            "resource": "checker:live",
            "arguments": {
                "plain": f'a "quoted" {TODAY} and {{unknown}}',
                "nested": [{"x": "d/x", "number": 1.5, "none": None}, str(run), True, "1"],
                "cycle": "<>",
            },
        }
    }


def test_the_configuration_names_properties_as_the_step_types_do(world: World, run: str) -> None:
    world.sql(
        "INSERT INTO data_pipeline_config SELECT product_id, 'check', 1, 'lambda', 'check-it', 60, NULL, '{}' FROM data_pipeline_config"
    )
    steps = begin(run)
    assert steps["build"] == {
        "job": "job-build",
        "arguments": {"--date": TODAY, "--run": f"{run}/1", "--headgate_launch": f"{run}/1/build"},
    }
    assert steps["check"] == {"function": "check-it", "payload": {}}

    world.sql("UPDATE data_pipeline_config SET type = 'abacus' WHERE step = 'check'")
    with pytest.raises(UnknownStepType, match=r"no step type `abacus`; expected one of [a-z_, ]*glue, lambda"):
        begin(run)


def test_a_pipeline_of_the_release_before_begins_with_its_first_job(world: World, aws: FakeAws, run: str) -> None:
    old = world.database.call("read_configuration", uuid(world, "d1/ds1"), 1)
    assert old == {"build": {"job": "job-build", "arguments": {"--date": TODAY, "--run": f"{run}/1"}}}
    given = (uuid(world, "d1/ds1"), 1, "build", "job-build", "jr_1", "job", NOW)
    assert world.database.call("record_job_start", *given)["state"] == "STARTED"
    assert world.run("d1/ds1", TODAY)["status"] == "PROCESSING"
    assert len(effects(world, "alert")) == 1


def test_functions_and_schema_of_different_releases_are_tried_again(world: World) -> None:
    with pytest.raises(StateUnavailable, match="of different releases: ERROR: function not_yet"):
        world.database.call("not_yet", 1)


@pytest.mark.parametrize("ended", ["ERROR", "a newer attempt"])
def test_work_that_is_reported_late_is_recorded_and_stopped(world: World, aws: FakeAws, run: str, ended: str) -> None:
    begin(run)
    invoke("outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1})
    if ended == "a newer attempt":
        invoke("operate", {"action": "rerun", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
        wait(world, "d1/ds1", "second", attempt=2)

    with pytest.raises(StaleAttempt if ended == "a newer attempt" else IllegalTransition):
        invoke("job_tracker", job(run))

    assert job_rows(world) == [("jr_1", "glue", 1, "STARTED", True)]
    assert aws.stopped == ["jr_1"]
    invoke("job_status", queue(glue_event("STOPPED")))
    assert ("job", "JobStopped") not in aws.answered, "its machine does not wait"
    assert job_rows(world) == [("jr_1", "glue", 1, "STOPPED", True)]


def test_an_attempt_waits_for_late_work_of_the_one_before(world: World, aws: FakeAws, run: str) -> None:
    begin(run)
    invoke("outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1})
    with pytest.raises(IllegalTransition):
        invoke("job_tracker", job(run))
    invoke("operate", {"action": "rerun", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    assert world.run("d1/ds1", TODAY)["released_at"] is None

    invoke("job_status", queue(glue_event("STOPPED")))

    assert world.run("d1/ds1", TODAY)["released_at"] == NOW


def test_stopping_is_repeated_until_the_work_has_ended(
    world: World, aws: FakeAws, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1})
    aws.broken["BatchStopJobRun"] = "ThrottlingException"
    with pytest.raises(IllegalTransition):
        invoke("job_tracker", job(run))
    aws.jobs["jr_1"] = "RUNNING"
    assert (aws.stopped, invoke("monitor", {})["jobs"]) == ([], 0)
    aws.broken.clear()
    assert (invoke("monitor", {})["jobs"], aws.stopped) == (0, ["jr_1"])
    aws.jobs["jr_1"] = "STOPPED"
    assert (invoke("monitor", {})["jobs"], aws.stopped) == (1, ["jr_1"])
    assert invoke("monitor", {})["jobs"] == 0


def test_work_that_runs_after_its_time_is_stopped(world: World, aws: FakeAws, run: str) -> None:
    begin(run)
    invoke("job_tracker", job(run))
    aws.jobs["jr_1"] = "RUNNING"
    for action in ("resolve", "settle"):
        with pytest.raises(JobStillRunning, match=r"j \(jr_1\) still runs after its time; it is asked to stop"):
            invoke("job_tracker", job(run, action))
    assert aws.stopped == ["jr_1", "jr_1"]
    assert job_rows(world) == [("jr_1", "glue", 1, "STARTED", True)]
    invoke("job_status", queue(glue_event("STOPPED")))
    with pytest.raises(JobStillRunning):
        invoke("job_tracker", job(run, "resolve"))
    assert len(aws.stopped) == 2, "it has ended meanwhile"


def test_a_job_run_that_glue_does_not_know_has_failed(world: World, aws: FakeAws, run: str) -> None:
    begin(run)
    invoke("job_tracker", job(run))
    with pytest.raises(JobFailed, match="Glue does not know this run"):
        invoke("job_tracker", job(run, "resolve"))
    assert job_rows(world) == [("jr_1", "glue", 1, "FAILED", False)]


@pytest.mark.parametrize(
    ("end", "state", "error", "message"),
    [
        ({"state": "SUCCEEDED"}, "SUCCEEDED", None, ""),
        ({"state": "FAILED", "error": "ValueError", "cause": "no"}, "FAILED", "ValueError", "ValueError: no"),
        ({"state": "TIMEOUT", "error": "States.Timeout"}, "TIMEOUT", "States.Timeout", "States.Timeout"),
    ],
)
def test_a_machine_records_the_start_and_the_end_that_it_sees_itself(
    world: World, aws: FakeAws, run: str, end: dict[str, Any], state: str, error: str | None, message: str
) -> None:
    begin(run)
    for _ in range(2):
        started = invoke("job_tracker", invocation(run, "start"))
        assert started == {"state": "STARTED", "job_run_id": f"{run}/1/check/06:30"}, "the machine keeps the id"
    for _ in range(2):
        assert invoke("job_tracker", invocation(run, "end", **end)) == {"state": end["state"]}
    invoke("job_tracker", invocation(run, "end", state="FAILED", error="Another"))  # the first end counts

    columns = "step, type, job, attempt, state, error, message, started_at, ended_at"
    assert world.sql(f"SELECT {columns} FROM job_run") == [
        ("check", "lambda", "check-it", 1, state, error, message, NOW, NOW)
    ]
    assert aws.answered[1:] == [], "no task waits for a token"


def test_an_end_whose_start_was_lost_is_recorded(world: World, run: str) -> None:
    begin(run)
    invoke("job_tracker", invocation(run, "end", state="FAILED", error="ValueError"))
    assert job_rows(world) == [(f"{run}/1/check/06:30", "lambda", 1, "FAILED", False)]


def test_work_the_machine_would_start_too_late_does_not_start(world: World, run: str) -> None:
    with pytest.raises(IllegalTransition, match="is WAITING, so no work of it can start"):
        invoke("job_tracker", invocation(run, "start"))
    begin(run)
    invoke("outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1})
    with pytest.raises(IllegalTransition, match="is ERROR, so no work of it can start"):
        invoke("job_tracker", invocation(run, "start"))
    with pytest.raises(StaleAttempt):
        invoke("job_tracker", invocation(run, "start", attempt=2))
    assert job_rows(world) == []


def test_work_that_cannot_be_asked_about_holds_a_rerun_until_it_has_certainly_ended(
    world: World, aws: FakeAws, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(run)
    invoke("job_tracker", invocation(run, "start"))
    invoke("outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1})
    invoke("operate", {"action": "rerun", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})

    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 06:54"))  # 600 s and 15 minutes after 6:30 it is 6:55
    invoke("monitor", {})
    assert world.run("d1/ds1", TODAY)["released_at"] is None
    assert job_rows(world)[0][3] == "STARTED"
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 06:55"))
    invoke("monitor", {})

    assert world.run("d1/ds1", TODAY)["released_at"] == at("2026-11-20 06:55")
    assert job_rows(world)[0][3] == "TIMEOUT"


def test_an_unknown_step_type_keeps_no_other_job_run_from_its_turn(
    world: World, aws: FakeAws, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(run)
    invoke("job_tracker", job(run))
    world.sql(
        "INSERT INTO job_run (job_run_id, type, job, started_at, changed_at) VALUES ('other', 'abacus', 'j', %s, %s)",
        NOW,
        NOW,
    )
    aws.jobs["jr_1"] = "SUCCEEDED"
    monkeypatch.setattr(runtime, "now", lambda: LATER)
    assert invoke("monitor", {})["jobs"] == 1
