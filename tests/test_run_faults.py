"""The Stifel day with things breaking in the middle of it. It still ends right, or says precisely what did not."""

import dataclasses
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from headgate.local.player import put_event
from headgate.local.scenario import Expectation, Moment, Scenario
from tests.killing import kill_functions
from tests.local_application import Application, deployed, needs_sam, sample
from tests.state_world import in_soak

pytestmark = [pytest.mark.slow, needs_sam]


def once_at(clock: str, fault: Callable[[], Any]) -> Callable[[datetime], bool]:
    """Lets the fault happen at the first quiet moment after that time."""
    done: list[bool] = []

    def meanwhile(moment: datetime) -> bool:
        if done or moment.strftime("%H:%M") < clock:
            return False
        done.append(True)
        fault()
        return True

    return meanwhile


def hopeful(day: Scenario, **expected: Expectation) -> Scenario:
    """The day, with its end expected, but neither the times nor the attempts it takes; and what is named."""
    loose = {name: Expectation(each.status) for name, each in day.expect.items()}
    return dataclasses.replace(day, expect={**loose, **{key.replace("_", "/"): each for key, each in expected.items()}})


@in_soak
def test_postgres_ends_in_the_middle_and_comes_back(tmp_path: Path) -> None:
    day = sample("stifel")
    with deployed(day, tmp_path) as application:
        played = application.play(day, once_at("02:25", application.runtime.postgres.restart))
    assert played.problems == []


@in_soak
def test_the_endpoint_is_restarted_and_the_lost_executions_run_again(tmp_path: Path) -> None:
    day = hopeful(sample("stifel"))
    with deployed(day, tmp_path) as application:

        def restart() -> None:
            application.runtime.stop_endpoint()
            application.runtime.start_endpoint()

        played = application.play(day, once_at("02:25", restart))
    assert played.problems == []
    attempts = {each["product"]: each["attempt"] for each in played.products if "attempt" in each}
    assert attempts["d1/ds2"] == 1, "it was done before"
    assert attempts["d1/ds1"] == 2, "its pipeline was under way"
    assert attempts["d1/ds4"] == 1, "it waited: the same attempt is started again"
    assert any(each.get("error") == "ExecutionLost" and each["by"] == "monitor" for each in played.entries)


@in_soak
def test_the_endpoint_dies_and_knows_nothing_any_more(tmp_path: Path) -> None:
    """After kill -9 the endpoint has lost stacks, executions and messages; the state has not. It is deployed again."""
    day = hopeful(sample("stifel"))
    with deployed(day, tmp_path) as application:
        running = application.runtime

        def lost() -> None:
            from headgate.local.provisioning import provision
            from tests.local_application import CATALOG

            running.stop_endpoint(signal.SIGKILL)
            shutil.rmtree(tmp_path / "endpoint")  # the snapshot that it started from
            shutil.rmtree(tmp_path / "s3")
            running.start_endpoint()
            running.deploy(lambda line: None)
            provision(running, CATALOG, day.jobs, application.data)
            running.control.set_behaviours({"*": [{"takes": 240}]})

        played = application.play(dataclasses.replace(day, dead_letters=1), once_at("02:25", lost))
    assert played.problems == []


@in_soak
def test_functions_are_killed_while_they_work(tmp_path: Path) -> None:
    day = hopeful(sample("stifel"))
    with deployed(day, tmp_path) as application:
        killed = []

        def kill(moment: datetime) -> None:
            if moment.minute % 20 == 0:  # their next calls find them dead
                killed.extend(kill_functions(tmp_path))

        played = application.play(day, kill)
    assert played.problems == []
    assert len(killed) > 10


@in_soak
def test_a_machine_that_is_stopped_is_detected_at_once_and_its_job_is_stopped(tmp_path: Path) -> None:
    """By its event, in seconds: the monitor looks every ten minutes. The rerun then does not wait for a job that nobody needs."""
    day = hopeful(sample("stifel"), d1_ds1=Expectation("COMPLETED", attempt=2))
    rerun = {
        "action": "rerun",
        "product": "d1/ds1",
        "business_date": day.business_date.isoformat(),
        "actor": "operator",
    }
    rerun_at = datetime.combine(day.business_date, time(2, 40), day.timezone)
    day = dataclasses.replace(
        day, moments=tuple(sorted((*day.moments, Moment(rerun_at, action=rerun)), key=lambda each: each.at))
    )
    stopped: list[datetime] = []
    with deployed(day, tmp_path) as application:

        def stop() -> None:
            states, prefix = (
                application.runtime.client("stepfunctions"),
                application.runtime.outputs["StateMachineArnPrefix"],
            )
            (execution,) = states.list_executions(stateMachineArn=f"{prefix}d1_ds1", statusFilter="RUNNING")[
                "executions"
            ]
            stopped.append(datetime.fromtimestamp(application.runtime.control.wait_until_idle()["now"], UTC))
            states.stop_execution(executionArn=execution["executionArn"])
            application.runtime.control.wait_until_idle(60)  # else the clock jumps on before the event is worked on

        played = application.play(day, once_at("02:25", stop))
    assert played.problems == []
    (lost,) = [each for each in played.entries if each["product"] == "d1/ds1" and each.get("error") == "ABORTED"]
    assert lost["by"] == "job status"
    assert (datetime.fromisoformat(lost["at"]) - stopped[0]).total_seconds() < 30
    ends = [each["status"] for each in played.entries if each["kind"] == "job ended" and each["job"] == "d1-ds1-build"]
    assert ends == ["STOPPED", "SUCCEEDED"]


@in_soak
def test_every_event_comes_three_times_and_broken_ones_between(tmp_path: Path) -> None:
    day = sample("stifel")
    broken = (
        {"domain": "raw"},
        {"domain": "raw", "product": "rd2", "business_date": "tomorrow", "status": "COMPLETED"},
    )
    with deployed(day, tmp_path) as application:

        def flood() -> None:
            for each in day.moments:
                if each.event and each.deliver and each.at.hour < 3:
                    for _ in range(2):
                        put_event(application.runtime, each.event, each.at)
            for detail in broken:
                put_event(application.runtime, detail, day.starts)

        played = application.play(dataclasses.replace(day, dead_letters=3), once_at("02:30", flood))
    assert played.problems == []


@in_soak
def test_a_job_that_hangs_is_ended_by_its_timeout_and_tried_again(tmp_path: Path) -> None:
    day = hopeful(sample("stifel"))
    day = dataclasses.replace(day, runs={"d1-ds1-build": [{"hangs": True}, {"takes": 240}], "*": [{"takes": 240}]})
    with deployed(day, tmp_path) as application:
        played = application.play(day)
    assert played.problems == []
    ends = [each["status"] for each in played.entries if each["kind"] == "job ended" and each["job"] == "d1-ds1-build"]
    assert ends == ["TIMEOUT", "SUCCEEDED"]


@in_soak
def test_a_job_that_hangs_and_is_not_to_be_retried_fails_its_run_and_nothing_else(tmp_path: Path) -> None:
    day = sample("stifel")
    failed, waiting = Expectation("ERROR", error="JobTimedOut"), Expectation("ERROR", error="UpstreamFailed")
    day = hopeful(day, d2_ds1=failed, d1_ds4=waiting)
    day = dataclasses.replace(
        day, runs={"d2-ds1-build": [{"hangs": True}], "*": [{"takes": 240}]}, ends=day.ends.replace(hour=16)
    )
    with deployed(day, tmp_path) as application:
        played = application.play(day)
    assert played.problems == []
    assert played.incidents == [], "d1/ds4 only waited for what failed"
    messages = [each["body"].get("message") or each["body"].get("text") for each in played.alerts]
    assert [each for each in messages if "failed" in each] == ["d2/ds1 failed for 2026-11-20"]


@in_soak
def test_wrong_data_fails_the_job_that_meets_it(tmp_path: Path) -> None:
    day = hopeful(sample("stifel"))
    moments = tuple(
        dataclasses.replace(each, deliver=None) if each.deliver and each.deliver[1] == "raw/rd1" else each
        for each in day.moments
    )
    day = dataclasses.replace(
        day,
        moments=moments,
        expect={"d1/ds1": Expectation("ERROR", error="JobFailed"), "d1/ds2": Expectation("COMPLETED")},
    )
    with deployed(day, tmp_path) as application:
        played = application.play(dataclasses.replace(day, ends=day.ends.replace(hour=4)))
    assert played.problems == []
    (cause,) = {
        each["cause"]
        for each in played.entries
        if each["kind"] == "job ended"
        and each["job"] == "d1-ds1-build"
        and each["status"] == "FAILED"
        and "memory" not in each["cause"].lower()
    }
    assert cause == "raw/rd1 has no data for 2026-11-20"


@in_soak
def test_two_days_are_played_side_by_side(tmp_path: Path) -> None:
    stifel, marketplace = sample("stifel"), sample("marketplace")
    with deployed(stifel, tmp_path / "one") as one, deployed(marketplace, tmp_path / "two") as two:
        assert isinstance(one, Application)
        assert one.play(stifel).problems == []
        assert two.play(marketplace).problems == []


@in_soak
def test_a_refused_operation_does_not_end_the_day_and_errors_are_not_fine(tmp_path: Path) -> None:
    """Nor is a refusal that nobody expected, or an expected one that did not come. The scenario expects nothing of any product."""
    day = sample("marketplace")

    def act(clock: str, action: str, refused: bool) -> Moment:
        at = datetime.combine(day.business_date, time.fromisoformat(clock), day.timezone)
        named = {"product": "marketplace/listings", "business_date": day.business_date.isoformat(), "actor": "scenario"}
        return Moment(at, action={"action": action, **named}, refused=refused)

    moments = (
        act("01:00", "skip", False),
        act("01:10", "rerun", True),
        act("05:00", "hold", True),
        act("05:30", "rerun", True),
    )
    failing = {"*": [{"fails": "OSError: no space", "takes": 60}]}
    day = dataclasses.replace(day, moments=moments, runs=failing, expect={})
    with deployed(day, tmp_path) as application:
        played = application.play(day)

    assert [(each["action"], each["message"].split(":")[0]) for each in played.refused] == [
        ("skip", "UnknownRun"), ("rerun", "UnknownRun"), ("hold", "IllegalTransition"),
    ]  # fmt: skip
    assert played.problems[0].startswith("01:00 skip marketplace/listings was refused: UnknownRun: ")
    assert played.problems[1] == "05:30 rerun marketplace/listings was not refused, expected a refusal"
    assert (
        "marketplace/listings ended with JobFailed, and the scenario expects nothing of any product" in played.problems
    )
