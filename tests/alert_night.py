"""A function for alerts with channels that only listen, and time that passes as a test says."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

import alerts
import dead_letters
import runtime
from tests.fake_aws import FakeAws
from tests.state_world import World, at

PROPERTIES = [
    {"channel": "slack", "recognizes": False, "searches": True, "pages": False, "updates": True},
    {"channel": "email", "recognizes": False, "searches": False, "pages": False, "updates": False},
    {"channel": "opsgenie", "recognizes": True, "searches": False, "pages": True, "updates": True},
]


@dataclass
class Sent:
    channel: str
    target: str
    action: str
    title: str
    message: Any
    delivery: dict[str, Any]
    alert: dict[str, Any]


@dataclass
class Receivers:
    """Every channel, as the state knows it, with what was sent; what is in `trouble` raises for its target."""

    sent: list[Sent] = field(default_factory=list)
    trouble: dict[str, Exception] = field(default_factory=dict)
    PAGES: bool = False

    def deliver(self, delivery: dict[str, Any], alert: dict[str, Any], message: Any, secrets: Any) -> str:
        if delivery["target"] in self.trouble:
            raise self.trouble[delivery["target"]]
        self.sent.append(
            Sent(delivery["channel"], delivery["target"], delivery["action"], message.title, message, delivery, alert)
        )
        return f"{delivery['target']} {len(self.sent)}"

    def actions(self, target: str) -> list[str]:
        return [each.action for each in self.sent if each.target == target]

    def last(self, target: str) -> Sent:
        return [each for each in self.sent if each.target == target][-1]


@dataclass
class Night:
    """A world whose alert function is called with what is due, moment after moment."""

    world: World
    aws: FakeAws
    receivers: Receivers
    now: datetime
    waiting: list[dict[str, Any]] = field(default_factory=list)
    dead: dict[str, str] = field(default_factory=dict)

    def process(self, *facts: dict[str, Any]) -> None:
        """Hands these facts to the function, with what was returned before and what the outbox has due."""
        due = self.world.sql(
            "UPDATE effect SET done_at = %s WHERE kind = 'alert' AND done_at IS NULL AND due_at <= %s RETURNING payload", self.now, self.now
        )  # fmt: skip
        given = [*self.waiting, *facts, *self.aws.alerts, *(payload for (payload,) in due)]
        self.aws.alerts.clear()
        records = [{"messageId": str(number), "body": json.dumps(each)} for number, each in enumerate(given)]
        back = alerts.handler({"Records": records}, None)["batchItemFailures"]
        self.waiting = [given[int(each["itemIdentifier"])] for each in back]

    def passes(self, **time: float) -> None:
        """Time passes, and what is due then is sent."""
        self.now += timedelta(**time)
        self.process()


@pytest.fixture
def night(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Night:
    receivers = Receivers()
    made = Night(world, aws, receivers, at("2026-11-20 09:00"))
    monkeypatch.setattr(alerts, "channels", lambda: {each["channel"]: receivers for each in PROPERTIES})
    monkeypatch.setattr(alerts, "properties", lambda: PROPERTIES)
    monkeypatch.setattr(alerts, "shown", lambda channel, target: target)
    monkeypatch.setattr(runtime, "now", lambda: made.now)

    def moved(refused: dict[str, tuple[str, str]]) -> list[str]:
        made.dead |= dict(refused.values())
        return list(refused)

    monkeypatch.setattr(dead_letters, "move", moved)
    return made
