"""An effect that AWS refuses: it is logged, counted, alarmed, shown by `why` and `status`, and its run still meets its deadline."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import runtime
from effects import TRIES
from tests.fake_aws import FakeAws
from tests.handler_steps import TODAY, invoke, sample
from tests.state_world import World, at, external, product
from tests.test_effects import tried
from tests.test_template import RESOURCES

ALL = [{"on": ["ERROR", "SKIPPED"], "level": "product"}]


@pytest.fixture
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def show(time: str) -> None:
        monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} {time}"))

    show("06:30")
    return show


def refused(world: World, aws: FakeAws, on_deadline: str, code: str = "AccessDeniedException") -> None:
    """d1/ds1 waits for raw/rd1 until 10:30, and its machine cannot be started."""
    entry = product("raw/rd1", name="ds1", notify=ALL, wait={"deadline": 4 * 3600, "on_deadline": on_deadline})
    aws.broken["StartExecution"] = code
    world.load({"raw/rd1": external(), "d1/ds1": entry}, at("2026-11-20 00:00"))
    invoke("scheduler", sample("scheduler"))
    tried(world, TRIES, at("2026-11-20 07:00"))
    assert world.sql("SELECT parked_at IS NOT NULL FROM effect WHERE kind = 'start_execution'") == [(True,)]


@pytest.mark.parametrize("code", ["AccessDeniedException", "StateMachineDoesNotExist"])
@pytest.mark.parametrize(
    ("on_deadline", "status", "error"), [("fail", "ERROR", "DeadlineExceeded"), ("skip", "SKIPPED", None)]
)
def test_a_run_whose_machine_cannot_be_started_meets_its_deadline(
    world: World,
    aws: FakeAws,
    clock: Callable[[str], None],
    on_deadline: str,
    status: str,
    error: str | None,
    code: str,
) -> None:
    refused(world, aws, on_deadline, code)
    clock("10:20")
    assert invoke("monitor", {})["overdue"] == 0

    clock("10:40")
    assert invoke("monitor", {})["overdue"] == 1

    run = world.run("d1/ds1", TODAY)
    assert (run["status"], run["error"]) == (status, error)
    why = f"The state machine could not be started: {code}: as the test wants it"
    missing = "The deadline passed. Missing: raw/rd1 for 2026-11-20 (owner ingestion) "
    assert run["cause"] == (missing if status == "ERROR" else "") + why
    assert [each["kind"] for each in aws.alerts] == [status]
    assert world.sql("SELECT count(*) FROM effect WHERE parked_at IS NOT NULL AND done_at IS NULL") == [(0,)]
    assert invoke("monitor", {})["overdue"] == 0

    world.event("raw/rd1", TODAY, at("2026-11-20 11:00"))
    run = world.run("d1/ds1", TODAY)
    assert (run["attempt"], run["status"], run["released_at"] is not None) == (2, "WAITING", True), "it resumes"


def test_a_run_that_is_to_start_all_the_same_starts_once_it_can(
    world: World, aws: FakeAws, clock: Callable[[str], None]
) -> None:
    refused(world, aws, "start")
    clock("10:40")
    assert invoke("monitor", {})["overdue"] == 1
    run = world.run("d1/ds1", TODAY)
    assert (run["status"], run["release_reason"]) == ("WAITING", "the deadline passed: started with what had arrived")

    assert invoke("monitor", {})["overdue"] == 0
    aws.broken.clear()
    invoke("operate", {"action": "retry", "all": True, "actor": "ann"})
    assert len(aws.executions) == 1


def test_a_run_that_is_held_stays_past_its_deadline(world: World, aws: FakeAws, clock: Callable[[str], None]) -> None:
    refused(world, aws, "fail")
    invoke("operate", {"action": "hold", "product": "d1/ds1", "actor": "ann"})
    clock("10:40")
    invoke("monitor", {})

    run = world.run("d1/ds1", TODAY)
    assert (run["status"], run["held_over_at"] is not None) == ("WAITING", True)


def test_an_event_that_a_bus_refuses_is_counted_long_before_it_is_parked(
    world: World, aws: FakeAws, clock: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    world.load({"raw/rd1": external(), "d1/ds1": product("raw/rd1", name="ds1")}, at("2026-11-20 00:00"))
    invoke("scheduler", sample("scheduler"))
    run = world.run("d1/ds1", TODAY)["run_id"]
    aws.broken["PutEvents"] = "ResourceNotFoundException"
    invoke("operate", {"action": "skip", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    capsys.readouterr()

    now = tried(world, TRIES - 1, at("2026-11-20 07:00"))

    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert (line["refused"], line["kind"], line["tries"]) == (1, "put_event", TRIES)
    tried(world, 3, now)
    assert capsys.readouterr().out == "", "once"
    clock("10:40")
    shown: dict[str, Any] = invoke("inquire", {"question": "status", "business_date": TODAY})
    assert [each.get("failing") for each in shown["products"] if each["product"] == "d1/ds1"] == [True]
    why = invoke("inquire", {"question": "why", "product": "d1/ds1", "business_date": TODAY})
    assert [(each["kind"], each["tries"]) for each in why["run"]["failing"]] == [("put_event", TRIES + 3)]
    assert world.sql("SELECT count(*) FROM effect WHERE run_id = %s AND done_at IS NOT NULL", run) != [(0,)]


def test_what_is_refused_and_what_is_parked_raise_one_alarm() -> None:
    alarm = RESOURCES["ParkedEffectsAlarm"]["Properties"]

    for name, field in (("ParkedEffectsMetric", "parked"), ("RefusedEffectsMetric", "refused")):
        metric = RESOURCES[name]["Properties"]
        assert metric["FilterPattern"] == f"{{ $.{field} > 0 }}"
        (transformation,) = metric["MetricTransformations"]
        assert (transformation["MetricName"], transformation["MetricValue"]) == (alarm["MetricName"], f"$.{field}")
