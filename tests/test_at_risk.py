"""AT_RISK: who asks is notified before an SLA is missed, once, and LATE or the end takes its place."""

import json
from datetime import UTC, timedelta
from random import Random
from typing import Any

import pytest

import monitor
import runtime
from alerting import risk_message
from alerting.channels import opsgenie, properties, webhook
from alerting.channels.slack import blocks
from alerting.message import compose
from headgate.cli import forecasting
from headgate.cli.formatting import Clock
from tests.alert_world import Service, Ses, notify
from tests.fake_aws import FakeAws
from tests.golden import FOLDER, expect
from tests.state_steps import DAY, TODAY, complete, effects, opened, uuid
from tests.state_world import SOAK, World, at, external, product

NIGHT = at("2026-11-19 20:00")
HOUR = 3600
ASKED = [{"on": ["AT_RISK", "LATE", "COMPLETED"], "level": "product", "slack": ["#late"], "opsgenie": ["oncall"]}]
SLA = {"complete_by": "08:00", "timezone": "UTC"}


def usual(world: World, kind: str, **seconds: float) -> None:
    given = [
        {"product_id": name.replace("_", "/"), "kind": kind, "cycle": "", "on_date": str(DAY - timedelta(day)), "seconds": each + day % 3 * 60}
        for name, each in seconds.items() for day in range(1, 91)
    ]  # fmt: skip
    world.state.database.call("learn_times", given, NIGHT)


@pytest.fixture
def morning(world: World, aws: FakeAws) -> World:
    """raw/b usually comes at 6:00; d/y and d/z wait for it, take an hour and are due at 8:00."""
    waiting = {
        name: product("raw/b", "04:00", name=name[2:], sla=SLA, notify=ASKED, wait={"deadline": 8 * HOUR, "on_deadline": "fail"})
        for name in ("d/y", "d/z")
    }  # fmt: skip
    world.load({"raw/b": external(), **waiting}, NIGHT)
    usual(world, "ready", raw_b=6 * HOUR, d_y=7 * HOUR, d_z=7 * HOUR)
    usual(world, "work", d_y=HOUR, d_z=HOUR)
    opened(world, f"{TODAY} 04:00")
    return world


def risks(world: World) -> list[dict[str, Any]]:
    return [each for each in effects(world, "alert") if each["kind"] == "AT_RISK"]


def clock(moment: str) -> str:
    return Clock(UTC, TODAY)(moment)


def test_what_will_miss_its_sla_is_notified_before_it_does_and_once(morning: World) -> None:
    assert morning.state.notify_at_risk(at(f"{TODAY} 06:00")) == 0
    assert morning.state.notify_at_risk(at(f"{TODAY} 07:05")) == 2
    assert morning.state.notify_at_risk(at(f"{TODAY} 07:15")) == 0, "once, whatever the forecast is then"
    fact = risks(morning)[0]
    assert (fact["product"], fact["status"], fact["due_at"]) == ("d/y", "WAITING", f"{TODAY}T08:00:00+00:00")
    assert risk_message.sentence(fact, clock) == (
        "08:38, between 08:07 and 09:49: raw/b comes 96 minutes later than usual"
    )


def test_nothing_is_forecast_where_nobody_asks(morning: World) -> None:
    quiet = product("raw/b", "04:00", name="y", sla=SLA)
    morning.load({"raw/b": external(), "d/y": quiet}, NIGHT)
    morning.sql("DROP FUNCTION forecast_of(date, timestamptz)")
    assert morning.state.notify_at_risk(at(f"{TODAY} 07:05")) == 0
    ((look,),) = morning.sql("SELECT next_risk_look(%s)", at(f"{TODAY} 07:05"))
    assert look is None, "and the monitor is not called for it"


def test_the_monitor_looks_from_four_hours_before_an_sla_on(morning: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ((early, near),) = morning.sql(
        "SELECT next_risk_look(%s), next_risk_look(%s)", at(f"{TODAY} 01:00"), at(f"{TODAY} 07:05")
    )
    assert (early, near) == (at(f"{TODAY} 04:00"), at(f"{TODAY} 07:15"))
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 07:05"))
    report = monitor.handler({}, None)
    assert (report["at_risk"], report["late"], report["failed"]) == (2, 0, 0)


def test_another_due_time_is_another_risk(morning: World) -> None:
    assert morning.state.notify_at_risk(at(f"{TODAY} 07:05")) == 2
    later = {**SLA, "complete_by": "08:15"}
    products = {
        name: product("raw/b", "04:00", name=name[2:], sla=later, notify=ASKED, wait={"deadline": 8 * HOUR, "on_deadline": "fail"})
        for name in ("d/y", "d/z")
    }  # fmt: skip
    morning.load({"raw/b": external(), **products}, at(f"{TODAY} 07:06"))
    assert morning.state.notify_at_risk(at(f"{TODAY} 07:15")) == 2


def test_one_conversation_from_the_risk_to_the_end(
    morning: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are at risk because of raw/b: one message. What is LATE then is sent, also by a page, and the last completion resolves it."""

    def send(now: str, kind: str) -> list[str]:
        monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} {now}"))
        service.received.clear()
        assert notify(*(each for each in effects(morning, "alert") if each["kind"] == kind)) == []
        return [
            str(body.get("text", body.get("message", path)))
            for path, body, _ in service.received
            if path != "/chat.update"
        ]

    morning.state.notify_at_risk(at(f"{TODAY} 07:05"))
    title = "d/y is at risk of missing its SLA for 2026-11-20"
    assert send("07:05", "AT_RISK") == [title, title]
    assert "Also because of it" in str(service.received)
    morning.state.repair(at(f"{TODAY} 08:05"))
    late = send("08:05", "LATE")
    assert late.count("d/y is late for 2026-11-20") >= 1
    assert not [each for each in late if each.startswith("d/z")], "it goes back to the same cause"
    morning.event("raw/b", TODAY, at(f"{TODAY} 08:10"))
    for name in ("d/y", "d/z"):
        morning.state.begin_pipeline(uuid(morning, name), 1, None, at(f"{TODAY} 08:11"))
        complete(morning, name, now=f"{TODAY} 09:11")
    send("09:12", "COMPLETED")
    states = [state for (state,) in morning.sql("SELECT state FROM alert_conversation WHERE state IS NOT NULL")]
    assert states == ["RESOLVED", "RESOLVED"], "of Slack and of OpsGenie"


@pytest.mark.parametrize("what", ["completed", "late"])
def test_a_risk_that_has_passed_is_not_sent(
    morning: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The queue of alerts was held up."""
    morning.state.notify_at_risk(at(f"{TODAY} 07:05"))
    facts = risks(morning)
    if what == "completed":
        morning.event("raw/b", TODAY, at(f"{TODAY} 07:06"))
        for name in ("d/y", "d/z"):
            morning.state.begin_pipeline(uuid(morning, name), 1, None, at(f"{TODAY} 07:06"))
            complete(morning, name, now=f"{TODAY} 07:50")
    else:
        morning.state.repair(at(f"{TODAY} 08:05"))
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 08:06"))
    assert notify(*facts) == []
    assert service.received == []
    assert set(morning.sql("SELECT outcome FROM alert_delivery WHERE alert_key LIKE 'AT_RISK%%'")) == {
        ("it was over before it was sent",)
    }


@pytest.mark.parametrize("seed", range(4 * SOAK))
def test_no_run_is_at_risk_once_it_is_late_or_complete(morning: World, seed: int) -> None:
    """Any morning: the input comes or not, runs complete, fail, are run again or held, and the monitor looks every ten minutes."""
    draw, minutes = Random(seed), 5 * 60  # noqa: S311
    began: set[str] = set()
    while minutes < 10 * 60:
        now = at(f"{TODAY} 00:00") + timedelta(minutes=minutes)
        if not began and draw.random() < 0.08:
            morning.event("raw/b", TODAY, now)
            for name in ("d/y", "d/z"):
                morning.state.begin_pipeline(uuid(morning, name), 1, None, now)
            began = {"d/y", "d/z"}
        for name in sorted(began):
            run = morning.run(name, TODAY)
            if run["status"] == "PROCESSING" and draw.random() < 0.15:
                outcome = "COMPLETED" if draw.random() < 0.6 else "ERROR"
                morning.state.finish_attempt(run["run_id"], run["attempt"], outcome, None, None, now)
        morning.state.repair(now)
        statuses = {name: morning.run(name, TODAY) for name in ("d/y", "d/z")}
        before = {each["product"] for each in risks(morning)}
        morning.state.notify_at_risk(now)
        new = {each["product"] for each in risks(morning)} - before
        assert not [each for each in new if statuses[each]["late_notified"] or statuses[each]["status"] == "COMPLETED"]
        minutes += 10
    named = [each["product"] for each in risks(morning)]
    assert len(named) == len(set(named))


def test_what_it_says_in_each_channel(morning: World, service: Service, ses: Ses) -> None:
    morning.state.notify_at_risk(at(f"{TODAY} 07:05"))
    fact = risks(morning)[0]
    alert = morning.state.take_alert(fact, properties(), at(f"{TODAY} 07:05")).alert
    assert alert is not None
    said = compose(alert)
    conversation = {"key": fact["run_id"], "first": None, "state": None}
    delivery = {"target": "oncall", "key": "the-key", "action": "open", "severity": 4, "conversation": conversation}
    opsgenie.deliver(delivery, alert, said, lambda: {"opsgenie_key": "k"})
    webhook.deliver({**delivery, "target": f"{service.url}/hook"}, alert, said, dict)
    bodies = json.dumps([[path, body] for path, body, _ in service.received], indent=1)
    text = (
        f"--- e-mail\n[AT_RISK] {said.title}\n\n{said.text()}\n--- Slack\n{json.dumps(blocks(alert, said), indent=1)}\n"
        f"--- OpsGenie, webhook\n{bodies.replace(fact['run_id'], 'the-run')}\n"
    )
    expect(FOLDER / "messages" / "at_risk.txt", text.encode())


@pytest.mark.parametrize(
    "basis", ["done", "running", "source", "waiting", "held", "failed", "ended", "unknown", "deadline"]
)
@pytest.mark.parametrize("own", ["waiting", "running", "held"])
@pytest.mark.parametrize("late", [None, 60, 2400, 9000, -2400])
def test_alerts_and_commands_say_the_same(basis: str, own: str, late: int | None) -> None:
    row: dict[str, Any] = {
        "product": "d/y", "basis": own, "expected": f"{TODAY}T08:25:00+00:00", "low": f"{TODAY}T08:15:00+00:00", "high": f"{TODAY}T08:40:00+00:00",
        "waits_for": "raw/b#files", "because": "raw/b", "because_basis": basis,
    }  # fmt: skip
    row |= {} if late is None else {"because_late": late}
    assert risk_message.sentence(row, clock) == forecasting.sentence(row, Clock(UTC, TODAY))
    alone = {key: value for key, value in row.items() if not key.startswith("because")} | {"basis": basis}
    if basis in ("held", "failed", "deadline", "waiting"):
        assert risk_message.sentence(alone, clock) == forecasting.sentence(alone, Clock(UTC, TODAY))
