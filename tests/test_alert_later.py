"""Alerts that are sent later: what the state puts off for seconds, and what was in doubt and is sent again on purpose."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import alerts
import dead_letters
import delayed_alerts
import letters
import redelivery
from alerting.delivery import MaybeDelivered
from tests.alert_night import Night
from tests.alert_world import fact, failed
from tests.conftest import Headgate
from tests.fake_queues import FakeQueues
from tests.state_steps import LOADED, opened
from tests.state_world import external, product

SECOND = timedelta(seconds=1)
QUEUE = "https://sqs/1/alerts"
NOTIFY = [{"on": ["ERROR"], "level": "product", "slack": ["#ops"]}]
MAIL = [{"on": ["ERROR"], "level": "product", "email": ["ops@example.com"]}]


@pytest.fixture
def queues(night: Night, monkeypatch: pytest.MonkeyPatch) -> FakeQueues:
    made = FakeQueues()
    monkeypatch.setenv(redelivery.QUEUE, QUEUE)
    monkeypatch.setenv(dead_letters.QUEUES, f"{QUEUE}-dead")
    monkeypatch.setattr(delayed_alerts, "client", lambda service: made)
    monkeypatch.setattr(dead_letters, "queues", lambda: made)
    return made


def received(night: Night, queues: FakeQueues) -> int:
    """Lambda receives what is visible by now; gives how many messages that are."""
    queues.now = night.now.timestamp()
    visible = [each for each in queues.messages.get(QUEUE, ()) if each.hidden_until <= queues.now]
    queues.messages[QUEUE] = [each for each in queues.messages.get(QUEUE, ()) if each not in visible]
    for each in visible:
        attributes = {name: {"stringValue": value["StringValue"]} for name, value in each.attributes.items()}
        record = {"messageId": each.id, "body": each.body, "messageAttributes": attributes}
        assert alerts.handler({"Records": [record]}, None)["batchItemFailures"] == []
    return len(visible)


def counted(tried: list[str], deliver: Callable[..., str]) -> Callable[..., str]:
    def counting(delivery: dict[str, Any], *given: Any) -> str:
        tried.append(delivery["target"])
        return deliver(delivery, *given)

    return counting


def test_an_update_comes_half_a_minute_after_the_last_message_and_waits_for_no_tick(
    night: Night, queues: FakeQueues
) -> None:
    """Nothing performs effects here: whatever goes, the alerts function has sent it to its own queue."""
    children = {f"d2/p{n}": product("d1/a", name=f"p{n}", notify=NOTIFY) for n in range(6)}
    night.world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=NOTIFY), **children}, LOADED)
    opened(night.world)

    def fails(*names: str) -> None:
        queues.now = night.now.timestamp()
        for name in names:
            given = fact(night.world, name, "ERROR", error="UpstreamFailed", cause="d1/a failed")
            alerts.handler({"Records": [{"messageId": name, "body": json.dumps(given)}]}, None)

    def passes(seconds: int) -> int:
        night.now += seconds * SECOND
        return received(night, queues)

    alerts.handler({"Records": [{"messageId": "root", "body": json.dumps(failed(night.world))}]}, None)
    assert passes(10) == 0
    fails("d2/p0", "d2/p1", "d2/p2")
    assert (len(queues.of("alerts")), passes(19)) == (1, 0)
    assert passes(1) == 1
    assert night.receivers.actions("#ops") == ["open", "update"]
    assert night.receivers.last("#ops").alert["covers"]["count"] == 3
    fails("d2/p3")
    assert (passes(29), passes(1)) == (0, 1)
    assert passes(600) == 0
    fails("d2/p4")
    assert passes(0) == 1, "long after the last message it goes at once"
    fails("d2/p5")
    assert (passes(29), passes(1)) == (0, 1)
    assert [each.alert["covers"]["count"] for each in night.receivers.sent[1:]] == [3, 4, 5, 6]
    assert night.world.sql("SELECT count(*) FROM effect WHERE kind = 'alert' AND done_at IS NULL") == [(0,)]


def test_what_the_queue_does_not_take_stays_due(night: Night, queues: FakeQueues) -> None:
    night.world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=NOTIFY, alerts={"remind": {"after": 600, "most": 1}})}, LOADED)  # fmt: skip
    opened(night.world)
    queues.broken = "ServiceUnavailable"
    night.process(failed(night.world))
    assert night.receivers.actions("#ops") == ["open"]
    night.passes(minutes=10)
    assert night.receivers.actions("#ops") == ["open", "reopen"]


def test_a_mail_in_doubt_is_sent_once_more_on_purpose(
    night: Night, queues: FakeQueues, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the dead letters with its reason; redriven it is sent once, and a further doubt leads there again."""
    night.world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=MAIL)}, LOADED)
    opened(night.world)
    night.receivers.trouble = {"ops@example.com": MaybeDelivered("SES: timed out")}
    night.process(failed(night.world))
    night.process()
    ((body, reason),) = night.dead.items()
    assert reason == (
        "it is not known whether this was delivered: email ops@example.com; redriven it is sent once more, and may be a second message"
    )

    def call(arguments: Any, action: str, **given: Any) -> Any:
        return letters.redrive(given["letter"], "ann")

    monkeypatch.setattr("headgate.cli.commands.dead_letters.operate", call)

    def redriven() -> str:
        queues.send_message(f"{QUEUE}-dead", body, {"Reason": dead_letters.attribute(reason)})
        code, printed = headgate("dead-letters", "redrive", "--all")
        assert code == 0
        return printed

    assert (
        "Of 1 alert it was not known whether it had been delivered: the recipients may receive it twice." in redriven()
    )
    (message,) = queues.messages[QUEUE]
    record = {"messageId": message.id, "body": body, "messageAttributes": {"RedrivenBy": {"stringValue": "ann"}}}
    tried: list[str] = []
    monkeypatch.setattr(night.receivers, "deliver", counted(tried, night.receivers.deliver))
    assert alerts.handler({"Records": [record]}, None)["batchItemFailures"] != []
    assert alerts.handler({"Records": [record]}, None)["batchItemFailures"] == []
    assert len(tried) == 1, "one redrive is one more try, however often its message is received"

    queues.messages.clear()
    night.receivers.trouble = {}
    redriven()
    assert received(night, queues) == 1
    assert night.receivers.actions("ops@example.com") == ["open"]
    assert ("Sent again", "by ann: it was not known whether the first message had arrived") in night.receivers.last(
        "ops@example.com"
    ).message.facts
