"""The chain of inputs that has decided, or will decide, when a product is ready."""

from datetime import UTC
from typing import Any

import pytest

import inquire
import runtime
from headgate.cli import application, critical_path
from headgate.cli.formatting import Clock
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.state_steps import TODAY, complete, opened, uuid
from tests.state_world import World, at, external, product
from tests.test_at_risk import HOUR, NIGHT, usual
from tests.test_status_expected import InProcess

CLOCK = Clock(UTC, TODAY)


@pytest.fixture
def chain(world: World, aws: FakeAws) -> World:
    """raw/a, then d/x; d/y of d/x and raw/b, due at 8:00."""
    products = {
        "raw/a": external(),
        "raw/b": external(),
        "d/x": product("raw/a", "04:00", name="x"),
        "d/y": product(["d/x", "raw/b"], "04:00", name="y", sla={"complete_by": "08:00", "timezone": "UTC"}),
    }
    world.load(products, NIGHT)
    usual(world, "ready", raw_a=5 * HOUR, raw_b=6 * HOUR)
    usual(world, "work", d_x=HOUR / 2, d_y=HOUR)
    opened(world, f"{TODAY} 04:00")
    return world


def asked(monkeypatch: pytest.MonkeyPatch, now: str, name: str | None = "d/y") -> list[dict[str, Any]]:
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} {now}"))
    of_one = {} if name is None else {"product": name}
    answer = inquire.handler({"question": "critical_path", "business_date": TODAY, **of_one}, None)
    path: list[dict[str, Any]] = answer["path"]
    assert answer["product"] == (path[-1]["product"] if path else name)
    return path


def ran(world: World, name: str, begun: str, ended: str) -> None:
    world.state.begin_pipeline(uuid(world, name), 1, None, at(f"{TODAY} {begun}"))
    complete(world, name, now=f"{TODAY} {ended}")
    world.event(name, TODAY, at(f"{TODAY} {ended}"), run_id=str(uuid(world, name)), attempt=1)


def test_of_a_day_that_has_ended_what_came_last(chain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.event("raw/a", TODAY, at(f"{TODAY} 05:40"))
    chain.event("raw/b", TODAY, at(f"{TODAY} 06:00"))
    ran(chain, "d/x", "05:40", "06:20")
    ran(chain, "d/y", "06:20", "07:30")
    path = asked(monkeypatch, "12:00")
    assert [each["product"] for each in path] == ["raw/a", "d/x", "d/y"]
    assert list(critical_path.lines(path, CLOCK)) == [
        "raw/a: 05:40",
        "d/x: 05:40 to 06:20, 40 min",
        "d/y: 06:20 to 07:30, 70 min; due by 08:00, 30 min before it; slack: raw/b 20 min",
    ]


def test_of_an_open_day_what_is_expected_last(chain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.event("raw/a", TODAY, at(f"{TODAY} 05:00"))
    ran(chain, "d/x", "05:00", "05:30")
    path = asked(monkeypatch, "05:45")
    assert list(critical_path.lines(path, CLOCK)) == [
        "raw/b: 06:01 (expected)",
        "d/y: 06:01 to 07:02 (expected), 61 min; due by 08:00, 58 min before it; slack: d/x 31 min",
    ]


def test_of_a_run_that_goes_on_what_released_it_and_when_it_ends(chain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.event("raw/b", TODAY, at(f"{TODAY} 05:00"))
    chain.event("raw/a", TODAY, at(f"{TODAY} 06:50"))
    ran(chain, "d/x", "06:50", "07:20")
    chain.state.begin_pipeline(uuid(chain, "d/y"), 1, None, at(f"{TODAY} 07:20"))
    lines = list(critical_path.lines(asked(monkeypatch, "07:30"), CLOCK))
    assert lines[-1] == "d/y: 07:20 to 08:21 (expected), 61 min; due by 08:00, 21 min too late; slack: raw/b 140 min"
    assert lines[:-1] == ["raw/a: 06:50", "d/x: 06:50 to 07:20, 30 min"]


def names(path: list[dict[str, Any]]) -> list[str]:
    return [each["product"] for each in path]


def test_of_the_day_it_leads_to_the_sla_that_has_the_least_time_left(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """d/early is due at 7:00 and d/late at 12:00; d/plain, which has no SLA, is ready last."""
    sla = {name: {"complete_by": due, "timezone": "UTC"} for name, due in (("early", "07:00"), ("late", "12:00"))}
    products = {
        "raw/a": external(),
        "d/early": product("raw/a", "04:00", name="early", sla=sla["early"]),
        "d/late": product("raw/a", "04:00", name="late", sla=sla["late"]),
        "d/plain": product("raw/a", "04:00", name="plain"),
    }
    world.load(products, NIGHT)
    assert asked(monkeypatch, "03:00", None) == [], "nothing is known of any"
    usual(world, "ready", raw_a=5 * HOUR)
    usual(world, "work", d_early=HOUR, d_late=2 * HOUR, d_plain=10 * HOUR)
    opened(world, f"{TODAY} 04:00")
    assert names(asked(monkeypatch, "04:30", None)) == ["raw/a", "d/early"]
    world.event("raw/a", TODAY, at(f"{TODAY} 05:00"))
    ran(world, "d/early", "05:00", "06:50")
    assert names(asked(monkeypatch, "06:55", None)) == ["raw/a", "d/late"], "what is ready is late no more"
    ran(world, "d/late", "05:00", "06:55")
    assert names(asked(monkeypatch, "07:00", None)) == ["raw/a", "d/early"], (
        "of the day as it was, the closest to its SLA"
    )


def test_of_a_day_without_slas_it_leads_to_what_is_ready_last(chain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.load(
        {"raw/a": external(), "d/x": product("raw/a", "04:00", name="x"), "d/z": product("d/x", "04:00", name="z")},
        NIGHT,
    )
    assert names(asked(monkeypatch, "04:30", None)) == ["raw/a", "d/x"], "of d/z nothing but its deadline is known"


def test_the_command_takes_a_product_or_the_day(
    chain: World, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 05:45"))
    monkeypatch.setattr(application, "application", lambda arguments: InProcess())
    code, of_day = headgate("forecast", "--date", TODAY, "--critical-path")
    assert (code, of_day.splitlines()[0].split(",")[0]) == (0, f"d/y for {TODAY}")
    assert headgate("forecast", "--date", TODAY, "--critical-path", "d/y")[1] == of_day
