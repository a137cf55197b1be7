"""A Slack that takes one message a second: 300 failures of 300 causes in one moment, through the function as Lambda runs it, on a clock of the test's."""

import heapq
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

import alerts
import redelivery
import runtime
from alerting import delivery, slack_api
from alerting.delivery import Answer
from tests.alert_world import fact
from tests.fake_aws import FakeAws
from tests.local_application import ROOT
from tests.state_steps import LOADED, opened
from tests.state_world import World, at, external, product

MANY, START = 300, at("2026-11-20 09:00")
NOTIFY = [{"on": ["ERROR"], "level": "product", "slack": ["#one"]}]


@dataclass
class Slack:
    """Takes a message if none was taken less than a second before or after, and answers 429 else. Each worker has a clock of its own, and the one that
    is behind goes on: so that the calls of several come out of order by a few seconds."""

    now: float = 0.0
    taken: list[float] = field(default_factory=list)
    keys: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    hidden: int = 0

    def ask(self, url: str, body: bytes, headers: dict[str, str], content: str) -> Answer:
        assert url.endswith("/chat.postMessage")
        self.now += 0.05
        if any(abs(each - self.now) < 1 for each in self.taken):
            self.refused += 1
            return Answer(429, {"retry-after": "1"}, b'{"ok": false, "error": "ratelimited"}')
        self.taken.append(self.now)
        self.keys[json.loads(body)["metadata"]["event_payload"]["alert"]] += 1
        return Answer(200, {}, json.dumps({"ok": True, "channel": "C123ABC", "ts": f"{len(self.taken)}.5"}).encode())

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803 - boto3's names
        self.hidden = VisibilityTimeout


def with_cache(known: dict[str, str]) -> Any:
    given = lambda: known  # noqa: E731 - it needs an attribute
    given.cache_clear = lambda: None  # type: ignore[attr-defined]
    return given


def test_a_slack_that_takes_one_message_a_second_loses_none_of_300(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"d1/p{n:03}" for n in range(MANY)]
    world.load(
        {"raw/in": external(), **{each: product("raw/in", name=each[3:], notify=NOTIFY) for each in names}}, LOADED
    )
    opened(world)
    world.sql("UPDATE data_product_status SET status = 'ERROR', error = 'JobFailed', finished_at = %s", START)
    slack = Slack()
    monkeypatch.setenv(redelivery.QUEUE, "https://sqs/1/alerts")
    monkeypatch.setattr(redelivery, "client", lambda service: slack)
    monkeypatch.setattr(slack_api, "ask", slack.ask)
    monkeypatch.setattr(delivery, "time", SimpleNamespace(sleep=slack.sleep))  # other threads go by the true one
    monkeypatch.setattr(alerts, "secrets", with_cache({"slack_token": "xoxb-1"}))
    monkeypatch.setattr(runtime, "now", lambda: START + timedelta(seconds=slack.now))

    template = (ROOT / "template.yaml").read_text("utf-8")
    (concurrency,) = re.findall(r"BatchSize: 1 .*\n *ScalingConfig: \{MaximumConcurrency: (\d+)\}", template)
    waiting = [(0.0, number, 1) for number in range(MANY)]
    bodies = [json.dumps(fact(world, each, "ERROR", error="JobFailed", cause="it ended")) for each in names]
    clocks = [0.0] * int(concurrency)
    while waiting:
        visible, number, received = heapq.heappop(waiting)
        slack.now = max(heapq.heappop(clocks), visible)
        attributes = {"ApproximateReceiveCount": str(received), "SentTimestamp": str(int(START.timestamp() * 1000))}
        record: dict[str, Any] = {
            "messageId": str(number), "receiptHandle": "r", "body": bodies[number], "attributes": attributes,
        }  # fmt: skip
        if alerts.handler({"Records": [record]}, None)["batchItemFailures"]:
            heapq.heappush(waiting, (slack.now + slack.hidden, number, received + 1))
        heapq.heappush(clocks, slack.now)

    assert (len(slack.keys), set(slack.keys.values())) == (MANY, {1})
    assert world.sql("SELECT state, count(*) FROM alert_delivery GROUP BY state") == [("SENT", MANY)]
    assert slack.refused > MANY, "it has refused as Slack does"
    assert max(slack.taken) < 1.25 * MANY, "seconds of the test's clock: nearly as fast as Slack takes them"
