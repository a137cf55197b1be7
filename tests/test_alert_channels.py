"""Slack, e-mail, OpsGenie and webhooks when all is well and when it is not: nothing is lost, nothing is sent twice."""

import json
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

import alerts
from alerting import delivery
from alerting.channels import incident
from tests.alert_world import Service, Ses, begun, fact, failed, notify, refused
from tests.state_steps import DAY, complete
from tests.state_world import World, at
from tests.test_alert_conversations import OpsItems

read_secrets = alerts.secrets  # the fixture puts known ones in its place


def test_one_thread_a_run_and_its_first_message_is_edited_when_it_recovers(
    day: World, service: Service, ses: Ses
) -> None:
    notify(failed(day))
    day.state.rerun("d1/a", DAY, "", False, "rerun", "bob", at("2026-11-20 08:00"))
    complete(day, "d1/a", attempt=2, now="2026-11-20 08:30")
    notify(fact(day, "d1/a", "COMPLETED"))

    slack = [(path, body) for path, body, _ in service.received if path.startswith("/chat")]
    assert [path for path, _ in slack] == ["/chat.postMessage", "/chat.update", "/chat.postMessage"]
    assert "thread_ts" not in slack[0][1]
    assert slack[2][1]["thread_ts"] == slack[1][1]["ts"]
    assert slack[1][1]["channel"] == "C123ABC"
    assert "complete" in slack[1][1]["text"]
    assert [path.split("?")[0].rsplit("/", 1)[-1] for path in service.paths() if path.startswith("/v2")] == [
        "alerts",
        "close",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        (429, {"Retry-After": "1"}, {"ok": False, "error": "ratelimited"}),
        (503, {}, {}),
    ],
)
def test_a_service_that_asks_to_wait_is_waited_for(day: World, service: Service, ses: Ses, answer: Any) -> None:
    day.sql('UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "product", "opsgenie": ["oncall"]}]\'')
    service.answers = [answer, answer]
    assert notify(failed(day)) == []
    assert service.paths() == ["/v2/alerts"] * 3


def test_a_service_that_does_not_answer_is_given_up_and_tried_again_later(
    day: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    day.sql('UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "product", "opsgenie": ["oncall"]}]\'')
    monkeypatch.setattr(delivery, "TIMEOUT", 0.05)
    service.delay = 0.3
    alert = failed(day)
    assert notify(alert) == ["0"]
    assert "the service is busy: timed out" in caplog.text
    service.delay = 0
    monkeypatch.setattr(delivery, "TIMEOUT", 10)
    assert notify(alert) == []


def test_no_service_is_reachable(
    day: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("OPSGENIE_API_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("ALERT_SENDER")
    assert notify(failed(day)) == ["0"]
    assert caplog.text.count("refused") >= 2
    assert "no sender: the parameter AlertSender is empty" in caplog.text


def test_slack_that_limits_the_rate_is_waited_for(day: World, service: Service, ses: Ses) -> None:
    day.sql('UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "product", "slack": ["#a"]}]\'')
    service.answers = [(429, {"Retry-After": "0"}, {"ok": False, "error": "ratelimited"})]
    assert notify(failed(day)) == []
    assert service.paths() == ["/chat.postMessage"] * 2


def test_what_is_not_delivered_goes_back_alone_and_no_secret_is_logged(
    day: World, service: Service, ses: Ses, caplog: pytest.LogCaptureFixture
) -> None:
    alert = failed(day)
    service.answers = [(200, {}, {"ok": False, "error": "channel_not_found"})] * 1
    day.sql(
        'UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "product", "slack": ["#a"], "email": ["ann@example.com"]}]\''
    )
    assert notify(alert) == ["0"]
    assert "Slack: channel_not_found" in caplog.text
    assert len(ses.sent) == 1
    assert notify(alert) == []
    assert len(ses.sent) == 1, "that was delivered the first time"
    assert "secret" not in caplog.text


@pytest.mark.parametrize("text", ["not JSON: xoxb-secret", '["xoxb-secret"]', None])
def test_a_secret_that_cannot_be_read_delays_what_needs_it_and_nothing_else(
    day: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: Any
) -> None:
    class Manager:
        def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - as boto3 has it
            if text is None:
                raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetSecretValue")
            return {"SecretString": text}

    monkeypatch.setenv("ALERT_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:1:secret:x")
    alert = failed(day)
    with monkeypatch.context() as real:
        real.setattr(alerts, "secrets", read_secrets)
        real.setattr(boto3, "client", lambda name: Manager())
        assert notify(alert) == ["0"]
    assert len(ses.sent) == 1
    assert {state for (state,) in day.sql("SELECT state FROM alert_delivery WHERE channel <> 'email'")} == {"DUE"}
    assert caplog.text.count("the secret that AlertSecretArn names") == 2
    assert "xoxb-secret" not in caplog.text


def test_a_webhook_hears_the_facts_with_a_key_to_know_them_by(
    day: World, service: Service, ses: Ses, caplog: pytest.LogCaptureFixture
) -> None:
    day.sql(
        "UPDATE data_product SET notify = %s",
        json.dumps([{"on": ["ERROR"], "level": "product", "webhook": [f"{service.url}/hook?token=s3cret"]}]),
    )
    service.answers = [(400, {}, {})]
    alert = failed(day)
    assert notify(alert) == ["0"]
    assert notify(alert) == []
    (_, first, _), (_, second, headers) = service.received
    assert first == second
    assert (second["product"], second["title"], second["job"]["message"]) == (
        "d1/a",
        "d1/a failed for 2026-11-20",
        "MemoryError: an executor was lost",
    )
    assert headers["Idempotency-Key"] == second["alert_key"]
    assert "s3cret" not in caplog.text


def test_what_may_have_been_sent_is_not_sent_twice(day: World, service: Service, ses: Ses) -> None:
    """The function died between sending and recording that, and no message was in the channel before, so that it cannot be searched."""
    alert = failed(day)
    begun(day, alert, "2026-11-20 08:00")
    assert notify(alert) == ["0"]
    assert service.paths() == ["/v2/alerts"], "OpsGenie knows a second by its alias"
    assert ses.sent == []
    assert ("slack", "UNKNOWN") in day.sql("SELECT channel, state FROM alert_delivery")


def test_a_failure_opens_the_incident_that_metadata_asks_for_once(
    day: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tells of the failure: the machine, or the state of a machine that died. A catalog of the release before has an object, and opens none
    until the new one is loaded."""
    made = OpsItems()
    monkeypatch.setattr(incident, "ssm", lambda: made)
    alert = failed(day)
    before = {"on": ["ERROR"], "level": "product", "incident": {"severity": 1}}
    asked = {"on": ["ERROR"], "level": "product", "incident": ["2"]}
    day.sql("UPDATE data_product SET notify = %s", json.dumps([before, asked]))
    assert notify(alert, alert) == []
    ((_, item),) = made.items.items()
    assert (item["Severity"], item["OperationalData"]["product"]["Value"]) == ("2", "d1/a")
    assert "an executor was lost" in item["Description"]


TIMED_OUT = "timed out"


@pytest.mark.parametrize("trouble", [TIMED_OUT, (500, {}, {"ok": False, "error": "internal_error"})])
@pytest.mark.parametrize("arrived", [True, False])
def test_slack_is_searched_for_what_may_have_been_delivered(
    day: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch, trouble: Any, arrived: bool
) -> None:
    day.sql('UPDATE data_product SET notify = \'[{"on": ["ERROR", "STARTED"], "level": "product", "slack": ["#a"]}]\'')
    assert notify(fact(day, "d1/b", "STARTED")) == []
    alert = failed(day)
    if trouble == TIMED_OUT:
        monkeypatch.setattr(delivery, "TIMEOUT", 0.2)
        service.delay = 0.4
    else:
        service.answers = [trouble]
    assert notify(alert) == ["0"]
    service.delay = 0.0

    (sent,) = [body["metadata"] for _, body, _ in service.received[1:]]
    other = {"ts": "7.0", "metadata": {"event_type": "headgate_alert", "event_payload": {"alert": "another"}}}
    said = [{"ts": "9.0", "text": "a person's"}, other] + ([{"ts": "8.5", "metadata": sent}] if arrived else [])
    service.answers = [(200, {}, {"ok": True, "messages": said})]
    assert notify(alert) == []

    again = ["/conversations.history"] + ([] if arrived else ["/chat.postMessage"])
    assert service.paths()[2:] == again
    assert service.received[2][1]["channel"] == "C123ABC"
    ((state, message),) = day.sql("SELECT state, message_id FROM alert_delivery WHERE alert_key LIKE 'ERROR%%'")
    assert (state, message) == ("SENT", "C123ABC 8.5" if arrived else "C123ABC 4.5")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            {"ok": False, "error": "missing_scope"},
            "it cannot be found out whether it was delivered: Slack: missing_scope",
        ),
        ({"ok": True, "messages": [], "has_more": True}, "the channel has too many messages to find it"),
    ],
)
def test_slack_that_cannot_be_searched_gets_no_second_message(
    day: World, service: Service, ses: Ses, caplog: pytest.LogCaptureFixture, answer: dict[str, Any], reason: str
) -> None:
    day.sql('UPDATE data_product SET notify = \'[{"on": ["ERROR", "STARTED"], "level": "product", "slack": ["#a"]}]\'')
    assert notify(fact(day, "d1/b", "STARTED")) == []
    alert = failed(day)
    service.answers = [(500, {}, {}), (200, {}, answer), (200, {}, answer)]
    assert [notify(alert) for _ in range(3)] == [["0"]] * 3
    assert reason in caplog.text
    assert service.paths().count("/chat.postMessage") == 2


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ReadTimeoutError(endpoint_url="ses"), "UNKNOWN"),
        (EndpointConnectionError(endpoint_url="ses"), "DUE"),
        (refused(500), "UNKNOWN"),
        (refused(429), "DUE"),
    ],
)
def test_mail_that_may_have_been_sent_is_not_sent_twice(
    day: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str
) -> None:
    day.sql('UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "product", "email": ["a@example.com"]}]\'')
    alert = failed(day)
    with monkeypatch.context() as trouble:
        trouble.setattr(ses, "send_email", Mock(side_effect=error))
        assert notify(alert) == ["0"]
    assert day.sql("SELECT state FROM alert_delivery WHERE target = 'a@example.com'") == [(state,)]
    assert notify(alert) == ([] if state == "DUE" else ["0"]), "what stays in doubt goes to the dead letters"
    to = [each["Destination"]["ToAddresses"] for each in ses.sent]
    assert to.count(["a@example.com"]) == (1 if state == "DUE" else 0)
