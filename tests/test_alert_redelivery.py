"""When an alert that could not be delivered is tried again: as soon as the service said, for a day, and then it is a dead letter."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import alerts
import dead_letters
import redelivery
import runtime
from tests.alert_world import Service, Ses, failed
from tests.fake_queues import FakeQueues
from tests.local_application import ROOT
from tests.state_world import World

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DEAD, QUEUE = "https://sqs/1/alerts-dead", "https://sqs/1/alerts"


class Hiding(FakeQueues):
    """The queues, and for how long a message was hidden last."""

    hidden: int = 0

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803 - boto3's names
        assert (QueueUrl, ReceiptHandle) == (QUEUE, "receipt")
        assert 0 < VisibilityTimeout <= 12 * 3600, "SQS takes no more"
        self.hidden = VisibilityTimeout


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Hiding:
    made = Hiding()
    monkeypatch.setenv(dead_letters.QUEUE, DEAD)
    monkeypatch.setenv(redelivery.QUEUE, QUEUE)
    monkeypatch.setattr(dead_letters, "queues", lambda: made)
    monkeypatch.setattr(redelivery, "client", lambda service: made)
    return made


def message(received: int = 1, sent: datetime = START, body: str = "{}") -> dict[str, Any]:
    attributes = {
        "ApproximateReceiveCount": str(received),
        "SentTimestamp": str(int(sent.timestamp() * 1000)),
    }
    return {"messageId": "m", "receiptHandle": "receipt", "body": body, "attributes": attributes}


def play(queues: Hiding, result: dict[str, Any]) -> tuple[int, timedelta]:
    """The trouble lasts: how often the message was received, and for how long, until it was a dead letter."""
    now, received = START, 1
    while not redelivery.later(message(received), [result], now):
        now += timedelta(seconds=queues.hidden)
        received += 1
    return received, now - START


def test_a_page_comes_as_soon_as_the_service_said(
    day: World, service: Service, ses: Ses, queues: Hiding, monkeypatch: pytest.MonkeyPatch
) -> None:
    day.sql('UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "product", "opsgenie": ["oncall"]}]\'')
    monkeypatch.setattr(runtime, "now", lambda: START)
    alert = message(body=json.dumps(failed(day)))
    service.answers = [(429, {"Retry-After": "30"}, {})]
    assert alerts.handler({"Records": [alert]}, None)["batchItemFailures"] == [{"itemIdentifier": "m"}]
    assert queues.hidden == 30
    assert alerts.handler({"Records": [alert]}, None)["batchItemFailures"] == []
    assert service.paths() == ["/v2/alerts"] * 2


@pytest.mark.parametrize("pause", [None, 0.0, 1.0, 30.0, 3600.0, 10.0**9])
def test_hours_of_trouble_lose_nothing(queues: Hiding, pause: float | None) -> None:
    template = (ROOT / "template.yaml").read_text("utf-8")
    receives, lasted = play(queues, {"outcome": "busy", "refused": False, "pause": pause})
    assert lasted >= timedelta(hours=24)
    assert receives < 1000, "then SQS moves it itself"
    assert "maxReceiveCount: 1000" in template
    assert queues.reasons("alerts-dead") == ["busy"]


def test_a_refusal_waits_for_a_person_and_then_lies_where_one_looks(queues: Hiding) -> None:
    received, lasted = play(queues, {"outcome": "Slack: is_archived", "refused": True, "pause": None})
    assert (received, lasted) == (redelivery.TRIES_REFUSED, timedelta(hours=1))
    assert queues.reasons("alerts-dead") == ["Slack: is_archived"]


def test_a_page_does_not_wait_for_another_channel(queues: Hiding) -> None:
    refused = {"outcome": "no", "refused": True, "pause": None}
    assert not redelivery.later(message(), [refused, {"outcome": "busy", "refused": False, "pause": 12.0}], START)
    assert queues.hidden == 12


def test_what_cannot_be_moved_or_hidden_is_received_again(queues: Hiding) -> None:
    queues.broken = "ServiceUnavailable"
    assert not redelivery.later(message(received=9), [{"outcome": "no", "refused": True, "pause": None}], START)
