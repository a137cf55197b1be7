"""The scheduler and the monitor are called when there is something to do, and not before: else the database would never pause."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

import runtime
from tests.fake_aws import FakeAws
from tests.handler_steps import gate, glue_event, invoke, job, queue, refreshed, sample
from tests.state_world import World, at, daily, external, product

TODAY, YESTERDAY = "2026-11-20", "2026-11-19"
OPENING, LOOK = "headgate-next-opening", "headgate-next-look"


@pytest.fixture
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def show(time: str) -> None:
        monkeypatch.setattr(runtime, "now", lambda: at(time))

    show(f"{TODAY} 00:00")
    return show


def nightly(world: World, schedule: Any = "00:37", **more: Any) -> None:
    world.load({"raw/rd1": external(), "d1/ds1": product("raw/rd1", schedule=schedule, name="ds1", **more)}, at(f"{YESTERDAY} 12:00"))  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "now", "opening"),
    [
        ("00:37", f"{YESTERDAY} 12:00", f"{TODAY}T00:37:00"),
        (daily("00:37", timezone="America/Chicago"), f"{TODAY} 00:00", f"{TODAY}T06:37:00"),
        (daily("00:37", timezone="America/Chicago"), "2026-10-31 12:00", "2026-11-01T05:37:00"),  # before the clocks change
        (daily("06:00", "14:30"), f"{TODAY} 06:00", f"{TODAY}T14:30:00"),
        (daily("06:00", calendar="banks"), f"{TODAY} 08:00", None),  # the next day is a Saturday
    ],
)  # fmt: skip
def test_the_scheduler_is_next_called_at_the_minute_of_an_opening(
    world: World, aws: FakeAws, clock: Callable[[str], None], schedule: Any, now: str, opening: str | None
) -> None:
    calendars = {"banks": {"weekend": [6, 7], "dates": []}}
    entry = product("raw/rd1", schedule=schedule, name="ds1")
    world.load({"raw/rd1": external(), "d1/ds1": entry}, at("2026-10-31 00:00"), calendars)
    clock(now)
    invoke("scheduler", sample("scheduler"))
    assert aws.schedules.get(OPENING) == (opening and f"at({opening})")


def test_a_night_without_work_is_a_night_without_ticks(
    world: World, aws: FakeAws, clock: Callable[[str], None]
) -> None:
    """From the opening at 00:37 until the product is refreshed, and then until the next night."""
    nightly(world, sla={"complete_by": "08:00", "timezone": "UTC"})
    clock(f"{TODAY} 00:37")
    assert invoke("scheduler", sample("scheduler"))["opened"] == 1
    assert aws.schedules == {OPENING: "at(2026-11-21T00:37:00)", LOOK: f"at({TODAY}T00:47:00)"}, (
        "its machine was started, and has not answered"
    )

    run = str(world.run("d1/ds1", TODAY)["run_id"])
    clock(f"{TODAY} 00:38")
    invoke("dependency_gate", gate(run))
    clock(f"{TODAY} 00:47")
    invoke("monitor", {})
    assert aws.schedules[LOOK] == f"at({TODAY}T04:47:00)", "a run that waits needs no look until its deadline"

    clock(f"{TODAY} 03:10")
    invoke("refresh_events", queue(refreshed("raw/rd1")))
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1, "execution_arn": gate(run)["execution_arn"]})
    invoke("job_tracker", job(run))
    assert aws.schedules[LOOK] == f"at({TODAY}T03:20:00)", "the event has released it"
    clock(f"{TODAY} 04:00")
    invoke("monitor", {})
    assert aws.schedules[LOOK] == f"at({TODAY}T04:10:00)", "a job runs"

    invoke("job_status", queue(glue_event("SUCCEEDED")))
    invoke("outcome_recorder", {"run_id": run, "attempt": 1, "status": "COMPLETED", "execution_arn": gate(run)["execution_arn"]})  # fmt: skip
    clock(f"{TODAY} 04:10")
    invoke("monitor", {})
    assert aws.schedules[LOOK] == f"at({TODAY}T04:20:00)", "its event is published by the machine, or by the monitor"
    clock(f"{TODAY} 04:20")
    invoke("monitor", {})
    assert aws.schedules == {OPENING: "at(2026-11-21T00:37:00)", LOOK: f"at({TODAY}T04:20:00)"}, "that one has fired"


def quiet(world: World, aws: FakeAws, clock: Callable[[str], None]) -> str:
    """The run's id; it waits with its token, and nothing is looked at before its deadline at 04:37."""
    nightly(world)
    clock(f"{TODAY} 00:37")
    invoke("scheduler", sample("scheduler"))
    run = str(world.run("d1/ds1", TODAY)["run_id"])
    invoke("dependency_gate", gate(run))
    clock(f"{TODAY} 00:47")
    invoke("monitor", {})
    assert aws.schedules[LOOK] == f"at({TODAY}T04:47:00)"
    return run


def test_what_a_person_begins_at_night_is_looked_after(
    world: World, aws: FakeAws, clock: Callable[[str], None]
) -> None:
    quiet(world, aws, clock)
    clock(f"{TODAY} 02:00")
    acting = {"actor": "a@example.com", "product": "d1/ds1", "business_date": TODAY}
    invoke("operate", {**acting, "action": "skip", "reason": "no delivery"})
    assert aws.schedules[LOOK] == f"at({TODAY}T04:47:00)", "its machine has been answered: nothing is under way"
    invoke("operate", {**acting, "action": "rerun"})
    assert aws.schedules[LOOK] == f"at({TODAY}T02:10:00)"


def test_a_backfill_goes_on_within_minutes(world: World, aws: FakeAws, clock: Callable[[str], None]) -> None:
    quiet(world, aws, clock)
    clock(f"{TODAY} 02:00")
    dates = {"business_date": "2026-11-10", "until": "2026-11-12", "at_once": 1}
    invoke("operate", {"actor": "a@example.com", "action": "backfill", "product": "d1/ds1", **dates})
    assert aws.schedules == {OPENING: f"at({TODAY}T02:10:00)", LOOK: f"at({TODAY}T02:10:00)"}


def test_a_machine_that_somebody_started_is_looked_after(
    world: World, aws: FakeAws, clock: Callable[[str], None]
) -> None:
    run = quiet(world, aws, clock)
    clock(f"{TODAY} 02:00")
    invoke("dependency_gate", gate(run))
    assert aws.schedules[LOOK] == f"at({TODAY}T02:10:00)"


def test_a_look_that_is_to_come_stays(world: World, aws: FakeAws, clock: Callable[[str], None]) -> None:
    """A warm function that has seen it relies on it, and asks EventBridge Scheduler no more."""
    quiet(world, aws, clock)
    clock(f"{TODAY} 02:00")
    invoke("refresh_events", queue(refreshed("raw/other")))
    clock(f"{TODAY} 02:05")
    invoke("monitor", {})  # its regular tick: nothing is under way
    assert aws.schedules[LOOK] == f"at({TODAY}T02:10:00)"
    aws.broken["GetSchedule"] = "ThrottlingException"
    invoke("refresh_events", queue(refreshed("raw/rd1")))
    del aws.broken["GetSchedule"]
    clock(f"{TODAY} 02:10")
    invoke("monitor", {})
    assert aws.schedules[LOOK] == f"at({TODAY}T02:20:00)"


def test_work_that_begins_while_the_monitor_ends_is_looked_after(
    world: World, aws: FakeAws, clock: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monitor has asked the state, and moves the look to the deadline after the event has moved it to the next minutes."""
    quiet(world, aws, clock)
    clock(f"{TODAY} 02:00")
    update = aws.update_schedule

    def event_first(**given: Any) -> None:
        monkeypatch.setattr(aws, "update_schedule", update)
        invoke("refresh_events", queue(refreshed("raw/rd1")))
        update(**given)

    aws.schedules[LOOK] = f"at({TODAY}T02:00:00)"
    monkeypatch.setattr(aws, "update_schedule", event_first)
    invoke("monitor", {})
    assert aws.schedules[LOOK] == f"at({TODAY}T02:10:00)"


def test_the_monitor_looks_when_an_sla_is_missed(world: World, aws: FakeAws, clock: Callable[[str], None]) -> None:
    nightly(world, wait={"deadline": 20 * 3600, "on_deadline": "fail"}, sla={"complete_by": "08:00", "timezone": "UTC"})
    clock(f"{TODAY} 00:37")
    invoke("scheduler", sample("scheduler"))
    invoke("dependency_gate", gate(str(world.run("d1/ds1", TODAY)["run_id"])))
    clock(f"{TODAY} 00:47")
    invoke("monitor", {})
    assert aws.schedules[LOOK] == f"at({TODAY}T08:00:01)"
    clock(f"{TODAY} 08:00:01")
    assert invoke("monitor", {})["late"] == 1


def test_what_is_due_later_is_performed_then_and_keeps_nobody_awake(
    world: World, aws: FakeAws, clock: Callable[[str], None]
) -> None:
    """A reminder, or what a mute has kept back until then."""
    run = quiet(world, aws, clock)
    world.sql(
        "INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at) VALUES ('reminder', 'alert', %s, 1, %s, %s)",
        run, json.dumps({"kind": "ERROR", "product": "d1/ds1"}), at(f"{TODAY} 03:00"),
    )  # fmt: skip
    clock(f"{TODAY} 01:00")
    invoke("monitor", {})
    assert aws.schedules[LOOK] == f"at({TODAY}T03:00:00)"
    clock(f"{TODAY} 03:00")
    invoke("monitor", {})
    assert [each["kind"] for each in aws.alerts] == ["ERROR"]
    assert aws.schedules[LOOK] == f"at({TODAY}T04:47:00)"


def test_a_product_without_a_schedule_is_late_at_its_time(
    world: World, aws: FakeAws, clock: Callable[[str], None]
) -> None:
    """Its SLA is due though no event opened a run."""
    entry = product("raw/rd1", name="ds1", sla={"complete_by": "09:15", "timezone": "UTC", "days": 0}, schedule=None)
    world.load({"raw/rd1": external(), "d1/ds1": entry}, at(f"{YESTERDAY} 12:00"))
    clock(f"{TODAY} 02:00")
    invoke("monitor", {})
    assert aws.schedules == {LOOK: f"at({TODAY}T09:15:01)"}


def test_a_deployment_sets_the_ticks_of_what_it_brings(
    world: World, aws: FakeAws, clock: Callable[[str], None]
) -> None:
    nightly(world)
    import metadata_loader

    clock(f"{YESTERDAY} 13:00")
    metadata_loader._open_due(None, at(f"{YESTERDAY} 13:00"))
    assert aws.schedules == {OPENING: f"at({TODAY}T00:37:00)"}


@pytest.mark.parametrize("operation", ["GetSchedule", "UpdateSchedule"])
def test_a_tick_that_cannot_be_set_is_logged_and_fails_nothing(
    world: World, aws: FakeAws, clock: Callable[[str], None], caplog: pytest.LogCaptureFixture, operation: str
) -> None:
    nightly(world)
    aws.broken[operation] = "ThrottlingException"
    clock(f"{TODAY} 00:37")
    assert invoke("scheduler", sample("scheduler"))["opened"] == 1
    logged = [json.loads(each.message) for each in caplog.records if "tick_not_set" in each.message]
    assert [each["tick_not_set"] for each in logged] == [OPENING, LOOK]
    assert logged[0]["reason"].startswith("ThrottlingException")


def test_a_schedule_that_cannot_be_evaluated_keeps_no_other_from_its_minute(
    world: World, aws: FakeAws, clock: Callable[[str], None]
) -> None:
    nightly(world)
    world.load(
        {
            "raw/rd1": external(),
            "d1/ds1": product("raw/rd1", schedule="00:37", name="ds1"),
            "d1/bad": product("raw/rd1", schedule="00:20", name="bad"),
        },
        at(f"{YESTERDAY} 12:30"),
    )
    world.sql("UPDATE data_product_schedule SET timezone = 'Nowhere/Land' WHERE product_id = 'd1/bad'")
    clock(f"{YESTERDAY} 13:00")
    assert [each["product"] for each in invoke("scheduler", sample("scheduler"))["failed"]] == ["d1/bad"]
    assert aws.schedules[OPENING] == f"at({TODAY}T00:37:00)"


def test_nothing_is_called_again_and_again(world: World, aws: FakeAws, clock: Callable[[str], None]) -> None:
    """A tick is a minute ahead at least, and the same moment is set once."""
    nightly(world)
    moments: list[datetime] = []
    now = at(f"{TODAY} 00:37")
    while now < at("2026-11-21 00:37"):  # the machine never answers, the run never ends
        clock(f"{now:%Y-%m-%d %H:%M:%S}")
        invoke("scheduler", sample("scheduler"))
        invoke("monitor", {})
        following = [datetime.fromisoformat(each[3:-1] + "+00:00") for each in aws.schedules.values()]
        moments.append(now)
        now = min([each for each in following if each > now], default=at("2026-11-21 00:37"))
        assert now - moments[-1] >= timedelta(minutes=1)
    assert len(moments) <= 24 * 6 + 5
