"""The monitor, and a database that sleeps."""

from typing import Any

import pytest

import runtime
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, day, invoke, job, sample
from tests.state_world import World, at


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
    monkeypatch.setattr("state.database.time.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    monkeypatch.setattr("state.database.time.monotonic", lambda: clock[0])
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
