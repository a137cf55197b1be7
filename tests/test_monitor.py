"""The monitor, and a database that sleeps."""

import json
from datetime import UTC, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

import runtime
from clients import LONGEST_CALL
from headgate.cli.formatting import Clock, history
from state.calls import State
from state.errors import StateError, StateUnavailable
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, Seconds, day, invoke, job, sample
from tests.state_world import World, at, external, product


@pytest.fixture(autouse=True)
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)


def test_the_monitor_starts_again_what_never_started_and_records_what_died(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    day(world)
    (arn,) = aws.executions
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 07:00"))
    assert invoke("monitor", {})["executions"] == 0, "it runs"
    lost = aws.executions.pop(arn)
    assert invoke("monitor", {})["executions"] == 1
    assert aws.executions[arn]["input"] == lost["input"]

    aws.executions[arn] |= {"status": "ABORTED"}
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 07:20"))
    assert invoke("monitor", {})["executions"] == 1
    run = world.run("d1/ds1", TODAY)
    assert (run["status"], run["error"], run["cause"]) == (
        "ERROR",
        "ABORTED",
        "the execution ended ABORTED without recording an outcome",
    )


def test_the_monitor_starts_the_run_of_a_machine_that_broke_again_but_not_for_ever(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    day(world)
    for number, hour in enumerate((7, 8, 9), start=1):
        monkeypatch.setattr(runtime, "now", lambda hour=hour: at(f"2026-11-20 {hour:02}:00"))
        arn = list(aws.executions)[-1]
        aws.executions[arn] |= {
            "status": "FAILED",
            "error": "States.Runtime",
            "cause": "the state could not be entered",
        }
        assert invoke("monitor", {})["executions"] == 1
        run = world.run("d1/ds1", TODAY)
        assert (run["attempt"], run["status"]) == ((number + 1, "WAITING") if number < 3 else (3, "ERROR"))
        assert len(aws.executions) == min(number + 1, 3)
    assert (run["error"], run["cause"]) == ("States.Runtime", "the state could not be entered")


def broken(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, **how: str) -> None:
    """A day on which the machine of d1/ds1, whose errors cause alerts, ended like that. It is 7:00."""
    day(world)
    world.sql("""UPDATE data_product SET notify = '[{"on": ["ERROR"], "level": "product", "slack": ["#a"]}]'""")
    (arn,) = aws.executions
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 07:00"))
    aws.executions[arn] |= how


def test_the_failure_of_a_machine_that_died_causes_an_alert(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(world, aws, monkeypatch, status="TIMED_OUT")
    invoke("monitor", {})
    (alert,) = aws.alerts
    assert (alert["kind"], alert["product"], alert["business_date"], alert["error"]) == (
        "ERROR",
        "d1/ds1",
        TODAY,
        "TIMED_OUT",
    )
    invoke("monitor", {})
    assert len(aws.alerts) == 1


def test_a_machine_that_is_started_again_causes_no_alert(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(world, aws, monkeypatch, status="FAILED", error="States.Runtime")
    invoke("monitor", {})
    assert (aws.alerts, len(aws.executions)) == ([], 2)


def test_the_monitor_does_not_start_again_what_failed_by_its_own_work(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(world, aws, monkeypatch, status="FAILED", error="JobFailed", cause="out of memory")
    invoke("monitor", {})
    run = world.run("d1/ds1", TODAY)
    assert (run["attempt"], run["status"], run["error"]) == (1, "ERROR", "JobFailed")


def test_a_processing_run_whose_execution_does_not_exist_gets_a_new_one(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    day(world)
    world.sql("UPDATE data_product_status SET status = 'PROCESSING', released_at = now()")
    aws.executions.clear()
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 07:00"))
    assert invoke("monitor", {})["executions"] == 1
    assert world.run("d1/ds1", TODAY)["attempt"] == 2
    assert len(aws.executions) == 1


def test_a_database_that_sleeps_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    from state import database
    from state.errors import StateUnavailable

    asleep = ClientError({"Error": {"Code": "DatabaseResumingException", "Message": "resuming"}}, "ExecuteStatement")

    class Sleeper:
        def __init__(self, times: int) -> None:
            self.times = times

        def execute_statement(self, **given: Any) -> dict[str, Any]:
            self.times -= 1
            if self.times >= 0:
                raise asleep
            return {"records": [[{"stringValue": '"awake"'}]]}

    clock = [0.0]
    passing = SimpleNamespace(
        sleep=lambda seconds: clock.__setitem__(0, clock[0] + seconds), monotonic=lambda: clock[0]
    )
    monkeypatch.setattr("state.database.time", passing)  # the clock of others goes on
    assert database.Database(Sleeper(15)).call("f") == "awake"
    with pytest.raises(StateUnavailable, match="DatabaseResumingException"):
        database.Database(Sleeper(1000)).call("f")
    assert clock[0] < 60, "before the function's own time is over"


def test_the_monitor_asks_about_jobs_without_an_event(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = day(world)
    invoke("refresh_events", sample("refresh_events"))
    invoke("job_tracker", job(run))
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 07:00"))
    aws.jobs["jr_1"] = "RUNNING"
    assert invoke("monitor", {})["jobs"] == 0
    aws.jobs["jr_1"] = "FAILED"
    assert invoke("monitor", {})["jobs"] == 1
    assert aws.answered == [("job", "JobFailed")]


def runs_of(world: World, count: int) -> None:
    """So many runs are PROCESSING, each with a job that has run for long."""
    world.load({f"d/x{n:02}": product(name=f"x{n:02}") for n in range(count)}, at("2026-11-20 00:00"))
    invoke("scheduler", {})
    for n in range(count):
        run = world.run(f"d/x{n:02}", TODAY)["run_id"]
        world.state.begin_pipeline(run, 1, None, NOW)
        world.state.record_job_start(run, 1, "build", "glue", "j", f"jr_{n:02}", {}, f"token {n}", NOW)


def ticks(monkeypatch: pytest.MonkeyPatch, count: int, context: Any = None) -> list[dict[str, Any]]:
    """So many ticks of the monitor, ten minutes apart, from 7:00 on."""
    reports = []
    for number in range(count):
        monkeypatch.setattr(
            runtime, "now", lambda number=number: at("2026-11-20 07:00") + timedelta(minutes=10 * number)
        )
        reports.append(invoke("monitor", {}, context))
    return reports


def watched(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """What is asked about, job runs and executions, in order; all of it runs."""
    asked: list[str] = []
    described: list[str] = []

    def get_job_run(JobName: str, RunId: str) -> dict[str, Any]:  # noqa: N803
        asked.append(RunId)
        return {"JobRun": {"JobRunState": "RUNNING"}}

    def describe_execution(executionArn: str) -> dict[str, str]:  # noqa: N803
        described.append(executionArn)
        return {"status": "RUNNING"}

    monkeypatch.setattr(aws, "get_job_run", get_job_run)
    monkeypatch.setattr(aws, "describe_execution", describe_execution)
    return asked, described


def test_everything_has_its_turn_however_little_time_a_tick_has(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monitor asked about the same 80 oldest each time: what stood behind them was never asked about."""
    runs_of(world, 130)
    asked, described = watched(aws, monkeypatch)
    while len(set(asked)) < 130 or len(set(described)) < 130:
        before = len(asked), len(described)
        ticks(monkeypatch, 1, Seconds(LONGEST_CALL + 150, each=1))
        assert all(0 < now - then < 60 for now, then in zip((len(asked), len(described)), before, strict=True))

    for names in (asked, described):
        assert len(set(names[:130])) == 130, "nothing is asked about twice before all the others were"


def test_a_tick_with_enough_time_asks_about_everything_once(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs_of(world, 130)
    for n in range(130):
        aws.jobs[f"jr_{n:02}"] = "FAILED"
    assert ticks(monkeypatch, 1)[0]["jobs"] == 130
    assert len(aws.answered) == 130


def test_a_job_that_the_state_refuses_keeps_no_other_from_its_turn(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs_of(world, 4)
    aws.jobs |= {f"jr_{n:02}": "FAILED" for n in range(4)}
    record = State.record_job_states

    def record_job_states(state: State, ends: list[dict[str, Any]], now: Any) -> int:
        if any(each["job_run_id"] == "jr_00" for each in ends):
            raise StateError("a defect")
        return record(state, ends, now)

    monkeypatch.setattr(State, "record_job_states", record_job_states)
    (report,) = ticks(monkeypatch, 1)

    assert (report["jobs"], report["failed"]) == (3, 1)
    assert {token for token, _ in aws.answered} == {"token 1", "token 2", "token 3"}
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["failed"] == 1, "the template's metric filter counts it"


def test_a_run_that_the_state_refuses_keeps_no_other_from_its_turn(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs_of(world, 4)
    first, end = world.run("d/x00", TODAY)["run_id"], State.end_lost_machine

    def end_lost_machine(state: State, run: Any, *more: Any) -> Any:
        if run == first:
            raise StateError("a defect")
        return end(state, run, *more)

    monkeypatch.setattr(State, "end_lost_machine", end_lost_machine)
    for n, execution in enumerate(aws.executions.values()):
        execution["status"] = "ABORTED"
        aws.jobs[f"jr_{n:02}"] = "RUNNING"

    (report,) = ticks(monkeypatch, 1)

    assert (report["executions"], report["failed"]) == (3, 1)
    assert world.sql("SELECT status, count(*) FROM data_product_status GROUP BY 1 ORDER BY 1") == [
        ("ERROR", 3),
        ("PROCESSING", 1),
    ]


@pytest.mark.parametrize("wrong", [ValueError("no JSON"), KeyError("JobRun"), RecursionError()])
def test_whatever_an_answer_causes_keeps_no_other_from_its_turn(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, wrong: Exception
) -> None:
    runs_of(world, 3)
    answers = aws.get_job_run
    aws.jobs |= {f"jr_{n:02}": "FAILED" for n in range(3)}

    def get_job_run(JobName: str, RunId: str) -> Any:  # noqa: N803
        if RunId == "jr_00":
            raise wrong
        return answers(JobName, RunId)

    monkeypatch.setattr(aws, "get_job_run", get_job_run)
    (report,) = ticks(monkeypatch, 1)
    assert (report["jobs"], report["failed"]) == (2, 1)


@pytest.mark.parametrize("broken", ["expire_jobs", "release_overlooked", "notify_late"])
def test_a_repair_in_the_state_that_fails_keeps_no_other_from_its_turn(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """As with one row that no query can read: the rest of the tick goes on."""
    world.load({"d/x": product(name="x", sla={"complete_by": "06:45"})}, at("2026-11-20 00:00"))
    invoke("scheduler", {})
    world.sql("UPDATE data_product_status SET released_at = NULL, event = 'opened'")
    given = "waiting uuid[], now_is timestamptz" if broken == "release_overlooked" else "now_is timestamptz"
    world.sql(f"DROP FUNCTION {broken}({given})")
    world.sql(f"CREATE FUNCTION {broken}({given}) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN 1 / 0; END $$")
    aws.executions.clear()

    (report,) = ticks(monkeypatch, 1)

    assert report["failed"] == 1
    assert (report["released"], report["late"]) == (int(broken != "release_overlooked"), int(broken != "notify_late"))
    if broken != "release_overlooked":
        assert world.run("d/x", TODAY)["event"] == "late" if broken != "notify_late" else "repaired"


def test_repairs_have_their_own_kinds_in_the_history(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the monitor released, what it had started again, and what was late: neither is a restart."""
    products = {"d/x": product(name="x", sla={"complete_by": "06:45"})}
    world.load(products, at("2026-11-20 00:00"))
    invoke("scheduler", {})
    world.sql("UPDATE data_product_status SET released_at = NULL, event = 'opened'")
    aws.executions.clear()

    ticks(monkeypatch, 3)

    kinds = world.sql("SELECT event, changed_by FROM data_product_status_history ORDER BY history_id")
    assert kinds[3:] == [("repaired", "monitor"), ("late", "monitor"), ("started_again", "monitor")]
    assert len(aws.executions) == 1
    entries = invoke("inquire", {"question": "history", "product": "d/x"})["entries"]
    lines = [line for _, _, line in history(entries, Clock(UTC, TODAY))]
    assert "RELEASED: found by the monitor, which had been missed" in lines
    assert "start of its execution repaired by monitor: Step Functions did not know it" in lines
    assert any(line.startswith("LATE") for line in lines)
    run = world.run("d/x", TODAY)["run_id"]
    for attempt, again in ((1, True), (2, True), (3, False)):
        ended = world.state.end_lost_machine(
            run, attempt, "States.Runtime", "", True, 2, "monitor", at("2026-11-20 09:00")
        )
        assert ended.restarted == again, "neither the repairs nor the notice were counted"


def test_the_execution_of_a_product_that_has_no_machine_any_more_is_asked_about(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load({"d/x": product(name="x")}, at("2026-11-20 00:00"))
    invoke("scheduler", {})
    (arn,) = aws.executions
    run = world.run("d/x", TODAY)["run_id"]
    world.state.register_wait(run, 1, "token", arn, NOW)
    world.state.begin_pipeline(run, 1, arn, NOW)
    world.load({"d/x": external()}, NOW)
    assert ticks(monkeypatch, 1)[0]["executions"] == 0, "it runs"
    aws.executions[arn]["status"] = "ABORTED"
    assert ticks(monkeypatch, 1)[0]["executions"] == 1
    assert world.run("d/x", TODAY)["error"] == "ABORTED"


def test_a_tick_without_the_state_fails(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its alarm has to go off."""

    def away(*given: Any) -> Any:
        raise StateUnavailable("resuming")

    monkeypatch.setattr(world.database, "call", away)
    with pytest.raises(StateUnavailable):
        invoke("monitor", {})
