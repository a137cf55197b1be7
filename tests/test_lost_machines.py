"""Machines that ended without recording an outcome: received as an event at once, or found by the monitor."""

import json
from typing import Any

import pytest

import lost_machines
import runtime
from lost_machines import MachineEnd
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, day, gate, invoke, job, machine_ended, queue, refreshed, sample
from tests.state_world import PREFIX, World, at

SEEN = at("2026-11-20 07:00")


@pytest.fixture
def run(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run of d1/ds1 whose machine waits; errors of d1/ds1 cause alerts."""
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    made = day(world)
    world.sql("""UPDATE data_product SET notify = '[{"on": ["ERROR"], "level": "product", "slack": ["#a"]}]'""")
    invoke("dependency_gate", gate(made))
    return made


def ended(aws: FakeAws, status: str, named: bool = True, **detail: Any) -> dict[str, Any]:
    """The newest execution ends like that; the event about it. `named`: the event names the error, as far as there is one."""
    arn = [each for each in aws.executions if ":m_ds1:" in each][-1]
    aws.executions[arn] |= {"status": status, **detail}
    withheld = {"input": None, "inputDetails": {"included": False}, "output": None}
    return machine_ended(arn, status, **withheld, **(detail if named else {}))


def counted(capsys: pytest.CaptureFixture[str]) -> int:
    """How often the metric filter of the template counts a machine that ended without an outcome."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return sum(line.get("ended_without_outcome", 0) for line in lines)


def outcome(world: World) -> tuple[Any, ...]:
    run = world.run("d1/ds1", TODAY)
    return run["attempt"], run["status"], run["error"]


@pytest.mark.parametrize(
    ("status", "detail", "error"),
    [
        ("FAILED", {"error": "JobFailed", "cause": "out of memory"}, "JobFailed"),
        ("FAILED", {"error": "States.TaskFailed", "cause": "x"}, "States.TaskFailed"),
        ("TIMED_OUT", {}, "TIMED_OUT"),
        ("ABORTED", {}, "ABORTED"),
        ("ABORTED", {"error": "Stopped", "cause": "by hand"}, "Stopped"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_machine_that_ends_without_an_outcome_is_recorded_at_once(
    world: World, aws: FakeAws, run: str, capsys: pytest.CaptureFixture[str],
    status: str, detail: dict[str, str], error: str, named: bool,
) -> None:  # fmt: skip
    event = ended(aws, status, named, **detail)
    if not named and status != "FAILED":
        error = status
    assert invoke("job_status", queue(event, event)) == {"batchItemFailures": []}

    assert outcome(world) == (1, "ERROR", error)
    assert [(alert["kind"], alert["error"]) for alert in aws.alerts] == [("ERROR", error)]
    assert counted(capsys) == 1
    invoke("job_status", queue(event))
    assert (len(aws.alerts), counted(capsys)) == (1, 0)


def test_an_outcome_that_the_machine_recorded_stays(
    world: World, aws: FakeAws, run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(
        "outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1, "error": "DeadlineExceeded", "cause": "c"}
    )
    invoke("job_status", queue(ended(aws, "FAILED", error="States.Runtime")))
    assert (outcome(world), counted(capsys)) == ((1, "ERROR", "DeadlineExceeded"), 0)


def test_a_machine_that_was_stopped_by_a_skip_leaves_the_run_skipped(
    world: World, aws: FakeAws, run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke("operate", {"action": "skip", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    assert invoke("job_status", queue(ended(aws, "ABORTED"))) == {"batchItemFailures": []}
    assert (outcome(world), counted(capsys)) == ((1, "SKIPPED", None), 0)


def test_the_end_of_an_earlier_attempt_does_not_touch_the_next(
    world: World, aws: FakeAws, run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = ended(aws, "FAILED", error="JobFailed")
    invoke("outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1})
    invoke("operate", {"action": "rerun", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})

    invoke("job_status", queue(event))

    assert (outcome(world), counted(capsys)) == ((2, "WAITING", None), 0)


@pytest.mark.parametrize("ended_by", ["outcome", "rerun"])
def test_an_end_that_comes_second_changes_nothing(world: World, aws: FakeAws, run: str, ended_by: str) -> None:
    """The run was found open, and its outcome is recorded before the end of its machine."""
    (found,) = world.state.open_runs_of([{"machine": "m_ds1", "name": f"ds1-{TODAY}-1"}])
    assert (str(found.run_id), found.attempt, found.status) == (run, 1, "WAITING")
    invoke("outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1, "error": "JobFailed"})
    if ended_by == "rerun":
        invoke("operate", {"action": "rerun", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    before = world.sql("SELECT * FROM data_product_status_history")

    assert lost_machines.record(found, MachineEnd("FAILED", "States.Runtime"), "monitor", SEEN) is False

    assert world.sql("SELECT * FROM data_product_status_history") == before
    if ended_by == "outcome":
        assert world.state.open_runs_of([{"machine": "m_ds1", "name": f"ds1-{TODAY}-1"}]) == []


def test_machines_of_others_and_other_statuses_are_ignored(world: World, aws: FakeAws, run: str) -> None:
    event = ended(aws, "FAILED", error="JobFailed")
    foreign = event["detail"] | {"stateMachineArn": "arn:aws:states:us-east-1:123456789012:activity:m_ds1"}
    unknown = event["detail"] | {"stateMachineArn": PREFIX + "another"}
    running = event["detail"] | {"status": "RUNNING"}
    others = [{**event, "detail": each} for each in (foreign, unknown, running)]
    bad = {**event, "detail": {"status": "FAILED"}}
    no_detail = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change"}

    answer = invoke("job_status", queue(*others, bad, no_detail, {**refreshed("raw/rd1")}))

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["3", "4", "5"]
    assert outcome(world) == (1, "WAITING", None)


@pytest.mark.parametrize("named", [True, False])
def test_a_machine_that_broke_is_started_again_at_once_but_not_for_ever(
    world: World, aws: FakeAws, run: str, capsys: pytest.CaptureFixture[str], named: bool
) -> None:
    for number in (1, 2, 3):
        event = ended(aws, "FAILED", named, error="States.Runtime", cause="the state could not be entered")
        invoke("job_status", queue(event, event))
        assert outcome(world)[:2] == ((number + 1, "WAITING") if number < 3 else (3, "ERROR"))
        assert len(aws.executions) == min(number + 1, 3)
        assert counted(capsys) == 1
    assert outcome(world)[2] == "States.Runtime"
    assert [alert["kind"] for alert in aws.alerts] == ["ERROR"], "of the last alone"


@pytest.mark.parametrize("by", ["job_status", "monitor"])
@pytest.mark.parametrize("error", ["States.Runtime", "Aborted"])
def test_the_work_of_a_machine_that_died_is_stopped_so_that_the_next_attempt_can_start(
    world: World, aws: FakeAws, run: str, monkeypatch: pytest.MonkeyPatch, by: str, error: str
) -> None:
    invoke("refresh_events", sample("refresh_events"))
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("job_tracker", job(run))
    aws.jobs["jr_1"] = "RUNNING"
    event = ended(aws, "FAILED", error=error)
    monkeypatch.setattr(runtime, "now", lambda: SEEN)

    if by == "monitor":
        assert invoke("monitor", {})["executions"] == 1
    else:
        invoke("job_status", queue(event))

    assert aws.stopped == ["jr_1"]
    assert outcome(world)[:2] == ((2, "WAITING") if error == "States.Runtime" else (1, "ERROR"))
    assert (world.run("d1/ds1", TODAY)["attempt"], world.run("d1/ds1", TODAY)["released_at"] is None) in [
        (2, True),
        (1, False),
    ]
    aws.jobs["jr_1"] = "STOPPED"
    assert invoke("monitor", {})["jobs"] == 1
    assert world.run("d1/ds1", TODAY)["released_at"] is not None


def test_a_machine_whose_work_runs_is_left_alone_while_it_runs(
    world: World, aws: FakeAws, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke("refresh_events", sample("refresh_events"))
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    monkeypatch.setattr(runtime, "now", lambda: SEEN)
    assert invoke("monitor", {})["executions"] == 0, "its first job waits for capacity"
    invoke("job_tracker", job(run))
    aws.jobs["jr_1"] = "RUNNING"
    assert (invoke("monitor", {})["executions"], aws.stopped) == (0, [])
    assert outcome(world)[:2] == (1, "PROCESSING")


def test_step_functions_that_does_not_answer_keeps_no_end_from_being_recorded(
    world: World, aws: FakeAws, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = ended(aws, "FAILED", named=False, error="States.Runtime")
    monkeypatch.setattr(
        aws, "describe_execution", lambda **given: aws._fail("DescribeExecution", "ThrottlingException")
    )
    assert invoke("job_status", queue(event)) == {"batchItemFailures": []}
    assert outcome(world) == (1, "ERROR", "FAILED")


def test_after_an_outage_everything_is_asked_about_at_once(world: World, aws: FakeAws, run: str) -> None:
    """A machine that waits for its inputs is lost a moment after it reported its token: the monitor would ask about it after the deadline."""
    aws.executions.clear()
    assert invoke("monitor", {})["executions"] == 0
    assert invoke("monitor", {"at_once": True})["executions"] == 1
    assert outcome(world) == (1, "WAITING", None)
    assert len(aws.executions) == 1, "started again, as the same attempt"
    assert invoke("monitor", {"at_once": True})["executions"] == 0


def test_after_an_outage_a_lost_run_continues_in_one_tick_although_its_job_is_unknown(
    world: World, aws: FakeAws, run: str
) -> None:
    invoke("refresh_events", sample("refresh_events"))
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("job_tracker", job(run))
    aws.executions.clear()
    aws.jobs.clear()
    assert invoke("monitor", {})["executions"] == 0
    assert invoke("monitor", {"at_once": True})["executions"] == 1
    assert outcome(world)[:2] == (2, "WAITING")
    assert world.run("d1/ds1", TODAY)["released_at"] is not None
    assert [name.rsplit("-", 1)[1] for name in aws.executions] == ["2"]
