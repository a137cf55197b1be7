"""AT_RISK of what nobody has opened yet: it is notified before its schedule or its first input opens it, and as one conversation with what the run does then."""

from typing import Any

import pytest

import runtime
from alerting import risk_message
from tests.alert_world import Service, Ses, notify
from tests.fake_aws import FakeAws
from tests.state_steps import TODAY, complete, effects, opened, uuid
from tests.state_world import World, at, external, product
from tests.test_at_risk import ASKED, HOUR, NIGHT, SLA, clock, risks, usual

SEVEN = at(f"{TODAY} 07:00")


@pytest.fixture
def later(world: World, aws: FakeAws) -> World:
    """raw/b usually comes at 6:00. d/y opens at 7:30 and takes an hour, so at 8:00 it is late whatever comes; d/z, without a schedule, is opened by raw/b, takes half an hour and is due at 8:00;
    d/early is opened at 4:00 and is in time."""
    raw = {**external(), "schedule": product("raw/x", "06:00")["schedule"]}
    waiting: dict[str, Any] = {"sla": SLA, "notify": ASKED, "wait": {"deadline": 8 * HOUR, "on_deadline": "fail"}}
    products = {
        "raw/b": raw,
        "d/y": product("raw/b", "07:30", name="y", **waiting),
        "d/z": product("raw/b", None, name="z", **waiting),
        "d/early": product("raw/b", "04:00", name="early", **{**waiting, "sla": {**SLA, "complete_by": "23:00"}}),
    }
    world.load(products, NIGHT)
    usual(world, "ready", raw_b=6 * HOUR)
    usual(world, "work", d_y=HOUR, d_z=HOUR / 2, d_early=HOUR)
    opened(world, f"{TODAY} 04:00")
    return world


def named(world: World) -> list[str]:
    return [each["product"] for each in risks(world)]


def test_what_its_schedule_opens_too_late_is_notified_before_and_once(later: World) -> None:
    assert later.state.notify_at_risk(at(f"{TODAY} 03:00")) == 0, "it is due in more than four hours"
    assert later.state.notify_at_risk(at(f"{TODAY} 05:00")) == 1
    (fact,) = risks(later)
    assert (fact["product"], fact["status"], fact["due_at"]) == ("d/y", "NOT OPENED", f"{TODAY}T08:00:00+00:00")
    assert risk_message.sentence(fact, clock).startswith("08:3")
    assert later.state.notify_at_risk(at(f"{TODAY} 05:10")) == 0
    opened(later, f"{TODAY} 07:30")
    assert later.run("d/y", TODAY)["run_id"] == uuid(later, "d/y")
    assert fact["run_id"] == str(uuid(later, "d/y")), "the run that is opened is the one of which somebody was notified"
    assert later.state.notify_at_risk(at(f"{TODAY} 07:40")) == 1, "d/z, of which nobody was"
    assert named(later) == ["d/y", "d/z"]


def test_what_its_first_input_opens_is_notified_when_that_comes_too_late(later: World) -> None:
    later.state.notify_at_risk(SEVEN)
    later.state.notify_at_risk(at(f"{TODAY} 07:20"))
    assert named(later) == ["d/y", "d/z"]
    fact = risks(later)[1]
    assert (fact["status"], fact["because"]) == ("NOT OPENED", "raw/b")
    later.event("raw/b", TODAY, at(f"{TODAY} 07:25"))
    assert fact["run_id"] == str(uuid(later, "d/z"))
    assert later.state.notify_at_risk(at(f"{TODAY} 07:40")) == 0


def test_a_date_that_nothing_opens_is_no_risk(later: World) -> None:
    """Of a product without a schedule a date is expected where something before it has an opening for it."""
    looked = at("2026-11-21 05:00"), at("2026-11-21 09:00")
    assert later.sql("SELECT product_id, business_date::text FROM dates_ahead(%s, %s)", *looked) == [
        ("d/z", "2026-11-21")
    ]
    later.load({"raw/b": external(), "d/z": product("raw/b", None, name="z", sla=SLA, notify=ASKED)}, SEVEN)
    assert later.sql("SELECT product_id FROM dates_ahead(%s, %s)", *looked) == []


def test_what_was_at_risk_is_late_once_when_nobody_opens_it(later: World) -> None:
    """The scheduler is away."""
    later.state.notify_at_risk(at(f"{TODAY} 05:00"))
    later.state.repair(at(f"{TODAY} 08:15"))
    assert later.sql("SELECT count(*) FROM unmade_opening WHERE product_id = 'd/y' AND late_at IS NOT NULL") == [(1,)]
    later.state.repair(at(f"{TODAY} 08:25"))
    assert later.state.notify_at_risk(at(f"{TODAY} 08:25")) == 0
    assert named(later) == ["d/y"]


def test_the_monitor_is_called_four_hours_before(later: World) -> None:
    ((look,),) = later.sql("SELECT next_risk_look(%s)", at(f"{TODAY} 01:00"))
    assert look == at(f"{TODAY} 04:00")


def test_another_due_time_is_another_risk(later: World) -> None:
    assert later.state.notify_at_risk(at(f"{TODAY} 05:00")) == 1
    sooner = {
        "sla": {**SLA, "complete_by": "07:45"},
        "notify": ASKED,
        "wait": {"deadline": 8 * HOUR, "on_deadline": "fail"},
    }
    later.load({"raw/b": external(), "d/y": product("raw/b", "07:30", name="y", **sooner)}, at(f"{TODAY} 05:05"))
    assert later.state.notify_at_risk(at(f"{TODAY} 05:10")) == 1
    assert later.state.notify_at_risk(at(f"{TODAY} 05:20")) == 0


def test_one_conversation_from_before_the_opening_to_the_end(
    later: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(now: str, kind: str) -> list[str]:
        monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} {now}"))
        service.received.clear()
        assert (
            notify(*(each for each in effects(later, "alert") if each["kind"] == kind and each["product"] == "d/y"))
            == []
        )
        return [
            str(body.get("text", body.get("message", path)))
            for path, body, _ in service.received
            if path != "/chat.update"
        ]

    later.state.notify_at_risk(at(f"{TODAY} 05:00"))
    title = "d/y is at risk of missing its SLA for 2026-11-20"
    assert send("05:00", "AT_RISK") == [title, title], "to Slack and to OpsGenie"
    opened(later, f"{TODAY} 07:30")
    later.event("raw/b", TODAY, at(f"{TODAY} 07:35"))
    later.state.begin_pipeline(uuid(later, "d/y"), 1, None, at(f"{TODAY} 07:36"))
    later.state.repair(at(f"{TODAY} 08:05"))
    assert "d/y is late for 2026-11-20" in send("08:05", "LATE")
    complete(later, "d/y", now=f"{TODAY} 08:36")
    send("08:36", "COMPLETED")
    states = {state for (state,) in later.sql("SELECT state FROM alert_conversation WHERE state IS NOT NULL")}
    assert states == {"RESOLVED"}


def test_a_risk_is_not_sent_once_the_date_is_late(
    later: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    later.state.notify_at_risk(at(f"{TODAY} 05:00"))
    facts = risks(later)
    later.state.repair(at(f"{TODAY} 08:15"))
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 08:16"))
    assert notify(*facts) == []
    assert service.received == []
