"""What each channel does in a conversation: opened, updated, resolved, reopened; and how a receiver checks a webhook."""

import base64
import hashlib
import hmac
import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError

import runtime
from alerting.channels import channels, check, incident
from alerting.delivery import MaybeDelivered, NotDelivered, Refused
from alerting.message import compose
from tests.alert_world import Service, Ses
from tests.state_world import at
from tests.test_alert_faults import ALERT, TABLE, delivered, secrets, targets

RECOVERED = {**ALERT, "kind": "COMPLETED", "attempt": 2}
GREEN, RED = ":large_green_circle:", ":red_circle:"


def say(service: Service, channel: str, action: str, first: str | None = None, **more: Any) -> str | None:
    """The channel carries out an action of the state's."""
    alert = RECOVERED if action == "resolve" else ALERT
    alert = {**alert, **more.pop("alert", {})}
    conversation = {"key": "d1/a 2026-11-20", "first": first, "state": None}
    more = {"key": f"k {action}", "severity": 1, "conversation": conversation, **more}
    given = delivered(targets(service.url)[channel], action, **more)
    return channels()[channel].deliver(given, alert, compose(alert), secrets(service.url))


def texts(body: dict[str, Any]) -> str:
    return str([each["text"]["text"] for each in body["blocks"]])


def test_a_slack_thread_shows_the_state_and_keeps_what_failed_first(service: Service) -> None:
    first = say(service, "slack", "open")
    covers = {"count": 12, "products": ["d2/p1"], "first_due": "2026-11-20T10:00:00Z|d2/p1"}
    for action, more in (("update", {"covers": covers}), ("resolve", {}), ("reopen", {})):
        assert say(service, "slack", action, first, alert=more) == first
    calls = [(path.rpartition(".")[2], body) for path, body, _ in service.received]
    assert [name for name, _ in calls] == ["postMessage"] + ["update", "postMessage"] * 3
    edits = [body for name, body in calls if name == "update"]
    assert [RED in texts(edits[0]), GREEN in texts(edits[1]), RED in texts(edits[2])] == [True] * 3
    assert "12: d2/p1 and 11 more" in texts(edits[0])
    assert "d2/p1, by 2026-11-20 10:00 UTC" in texts(edits[0])
    assert all("attachments" not in body for body in edits), "the details that the first message has stay in it"
    assert "What failed" in str(calls[0][1]["attachments"])
    replies = [body for name, body in calls[1:] if name == "postMessage"]
    assert first is not None
    assert {body["thread_ts"] for body in replies} == {first.split()[1]}
    assert [body.get("reply_broadcast", False) for body in replies] == [False, False, True]


@pytest.mark.parametrize("code", ["edit_window_closed", "cant_update_message", "message_not_found"])
def test_an_edit_that_slack_refuses_never_blocks_the_message(
    service: Service, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    service.answers = [(200, {}, {"ok": False, "error": code})]
    with caplog.at_level(logging.WARNING, "headgate"):
        assert say(service, "slack", "resolve", "C123ABC 1.5") == "C123ABC 1.5"
    assert service.paths() == ["/chat.update", "/chat.postMessage"]
    assert service.received[1][1]["reply_broadcast"] is True, "who reads the channel sees the recovery all the same"
    assert code in caplog.text


def test_each_fault_of_a_slack_message_in_the_docs_is_a_test() -> None:
    played = {
        "the first message cannot be edited": "test_an_edit_that_slack_refuses_never_blocks_the_message",
        "the thread is gone": "test_a_slack_thread_that_was_deleted_begins_anew",
        "the history cannot be read": "test_a_slack_that_cannot_be_searched_leaves_it_in_doubt",
    }
    rows = TABLE[TABLE.index("| fault of a Slack message |") :].splitlines()[2:]
    faults = [row.split("|")[1].strip() for row in rows if row.startswith("|")]
    assert len(faults) == len(played)
    for fault, (begins, test) in zip(faults, played.items(), strict=True):
        assert fault.startswith(begins)
        assert callable(globals()[test])


@pytest.mark.parametrize("code", ["missing_scope", "not_in_channel"])
def test_a_slack_that_cannot_be_searched_leaves_it_in_doubt(service: Service, code: str) -> None:
    service.answers = [(200, {}, {"ok": False, "error": code})]
    with pytest.raises(MaybeDelivered, match=code):
        say(service, "slack", "open", doubtful=True)
    assert service.paths() == ["/conversations.history"]


def test_a_slack_thread_that_was_deleted_begins_anew(service: Service) -> None:
    gone: Any = (200, {}, {"ok": False, "error": "message_not_found"})
    service.answers = [gone, (200, {}, {"ok": False, "error": "thread_not_found"})]
    assert say(service, "slack", "reopen", "C123ABC 1.5") == "C123ABC 3.5"
    assert "thread_ts" not in service.received[2][1]


def test_an_edit_that_has_to_wait_sends_nothing_twice(service: Service) -> None:
    service.answers = [(429, {"Retry-After": "60"}, {"ok": False, "error": "ratelimited"})]
    with pytest.raises(NotDelivered) as busy:
        say(service, "slack", "reopen", "C123ABC 1.5")
    assert (busy.value.pause, service.paths()) == (60.0, ["/chat.update"])


def test_a_channel_by_its_id_is_searched_without_an_earlier_message(service: Service) -> None:
    page = {"ok": True, "messages": [], "has_more": True, "response_metadata": {"next_cursor": "more"}}
    sent = {"ts": "7.5", "metadata": {"event_payload": {"alert": "k open"}}}
    service.answers = [(200, {}, page), (200, {}, {"ok": True, "messages": [sent]})]
    assert say(service, "slack", "open", doubtful=True) == "C123ABC 7.5"
    assert [body.get("cursor") for _, body, _ in service.received] == [None, "more"]


@pytest.mark.parametrize(
    ("scopes", "found", "wrong"),
    [
        ("chat:write, channels:history", {"ok": True, "channel": {"is_member": True}}, []),
        ("chat:write", {"ok": True, "channel": {"is_member": False, "is_archived": True}}, ["scope", "archived", "no member"]),
        ("chat:write,channels:history", {"ok": False, "error": "channel_not_found"}, ["channel_not_found"]),
    ],
)  # fmt: skip
def test_a_recipient_is_checked_without_a_message(
    service: Service, scopes: str, found: dict[str, Any], wrong: list[str]
) -> None:
    service.answers = [(200, {"X-OAuth-Scopes": scopes}, {"ok": True}), (200, {}, found)]
    said = check("slack", "C123ABC", secrets(service.url))
    assert len(said) == len(wrong)
    assert all(part in text for part, text in zip(wrong, said, strict=True))
    assert check("email", "a@example.com", secrets(service.url)) == []


@pytest.mark.parametrize("channel", ["opsgenie", "jsm", "pagerduty"])
def test_a_page_is_one_from_its_opening_to_its_end(service: Service, channel: str) -> None:
    first = say(service, channel, "open")
    for action in ("update", "resolve", "reopen"):
        assert say(service, channel, action, first) == first
    assert say(service, channel, "inform", first) is None
    assert len(service.received) == 4
    bodies = [body for _, body, _ in service.received]
    if channel == "pagerduty":
        assert [each["event_action"] for each in bodies] == ["trigger", "trigger", "resolve", "trigger"]
        assert {each["dedup_key"] for each in bodies} == {first}
        assert bodies[0]["payload"]["severity"] == "critical"
    else:
        alias = "headgate-d1%2Fa%202026-11-20-oncall"
        assert service.paths() == [
            "/v2/alerts", f"/v2/alerts/{alias}/notes?identifierType=alias", f"/v2/alerts/{alias}/close?identifierType=alias", "/v2/alerts"
        ]  # fmt: skip
        assert (bodies[0]["alias"], bodies[3]["alias"], bodies[0]["priority"]) == (first, first, "P1")


def test_mails_are_a_thread(service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    first = say(service, "email", "open")
    say(service, "email", "resolve", first)
    opened, resolved = [each["Content"]["Simple"] for each in ses.sent]
    headers = [{each["Name"]: each["Value"] for each in mail["Headers"]} for mail in (opened, resolved)]
    assert headers[1]["In-Reply-To"] == "<ses-1@eu-west-1.amazonses.com>"
    assert headers[1]["References"] == f"{headers[0]['References']} {headers[1]['In-Reply-To']}"
    assert opened["Subject"]["Data"] == "[ERROR] d1/a failed for 2026-11-20"
    assert resolved["Subject"]["Data"] == f"Re: {opened['Subject']['Data']}"
    assert "d1/a is complete for 2026-11-20 (attempt 2)" in resolved["Body"]["Html"]["Data"]
    assert resolved["Body"]["Text"]["Data"].startswith("d1/a is complete")


@pytest.mark.parametrize("key", ["plain text", "whsec_" + base64.b64encode(b"0123456789").decode()])
def test_a_webhook_is_signed_so_that_its_receiver_can_check_it(
    service: Service, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 09:00"))
    given = delivered("secret:hook")
    known = {"hook": {"url": f"{service.url}/hook", "key": key}}
    channels()["webhook"].deliver(given, ALERT, compose(ALERT), lambda: known)
    ((path, body, headers),) = service.received
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + service.bodies[0]
    secret = base64.b64decode(key[6:]) if key.startswith("whsec_") else key.encode()
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-timestamp"] == str(int(at("2026-11-20 09:00").timestamp()))
    assert (path, body["cause_key"], body["action"]) == ("/hook", "d1/a 2026-11-20", "open")
    assert key not in json.dumps(body)
    known["hook"]["key"] = "whsec_???"
    with pytest.raises(Refused, match="Base64"):
        channels()["webhook"].deliver(given, ALERT, compose(ALERT), lambda: known)


class OpsItems:
    """Systems Manager as far as incidents need it."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}

    def create_ops_item(self, **given: Any) -> dict[str, str]:
        assert (len(given["Title"]) <= 1024, len(given["Description"]) <= 2048) == (True, True)
        dedup = given["OperationalData"]["/aws/dedup"]["Value"]
        for name, each in self.items.items():
            if each["Status"] == "Open" and each["OperationalData"]["/aws/dedup"]["Value"] == dedup:
                answer: Any = {"Error": {"Code": "OpsItemAlreadyExistsException", "Message": "open"}, "OpsItemId": name}
                raise ClientError(answer, "CreateOpsItem")
        self.items[f"oi-{len(self.items)}"] = {**given, "Status": "Open"}
        return {"OpsItemId": f"oi-{len(self.items) - 1}"}

    def update_ops_item(self, OpsItemId: str, **given: Any) -> None:  # noqa: N803 - boto3's names
        if OpsItemId not in self.items:
            raise ClientError({"Error": {"Code": "OpsItemNotFoundException", "Message": "no"}}, "UpdateOpsItem")
        self.items[OpsItemId].update(given)


def test_an_incident_is_one_a_cause_and_resolved_on_recovery(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    made = OpsItems()
    monkeypatch.setattr(incident, "ssm", lambda: made)
    first = say(service, "incident", "open")
    assert say(service, "incident", "open") == first, "the function died after it had created the OpsItem"
    assert say(service, "incident", "update", first) == first
    assert say(service, "incident", "resolve", first) == first
    (item,) = made.items.values()
    assert (item["Status"], item["Severity"], item["Title"]) == ("Resolved", "2", "d1/a failed for 2026-11-20")
    assert all(part in item["Description"] for part in ("it ended", "ann", "headgate rerun"))
    assert say(service, "incident", "reopen", first) == first
    assert item["Status"] == "Open"
    assert say(service, "incident", "reopen", "oi-deleted") == first
    assert say(service, "incident", "resolve", "oi-deleted") is None


def test_the_recipient_who_could_not_be_reached_is_named_first() -> None:
    alert = {**ALERT, "unreachable": {"channel": "slack", "target": "#gone", "reason": "Slack: is_archived"}}
    assert compose(alert).facts[0] == ("Not delivered", "slack #gone cannot be reached: Slack: is_archived")
    made = compose({**ALERT, "escalated": True, "reminder": {"count": 2, "since": "2026-11-20T09:00:00Z"}})
    assert made.title.endswith(", still unresolved: escalated")
    assert ("Reminder", "number 2, unresolved since 2026-11-20 09:00 UTC") in made.facts
