"""A test of a recipient: what its service says of the token, the scopes and the membership, and one message."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from alerting.channels import channels, check, shown
from alerting.delivery import MaybeDelivered, NotDelivered, Secrets
from alerting.message import Message, compose
from state.errors import BadEvent


def send(event: dict[str, Any], secrets: Secrets, now: datetime) -> dict[str, Any]:
    """Checks the recipient and sends one message, which a channel that pages opens and closes; with `kind` as alerts of that kind look. Gives {channel, target, delivered, wrong}; `wrong` are the
    reasons why it does not work. Raises `BadEvent` for a channel that does not exist."""
    channel, target = event["channel"], event["target"]
    if channel not in channels():
        raise BadEvent(f"alert-test: no channel is called {channel}; there are {', '.join(channels())}")
    try:
        wrong = check(channel, target, secrets)
        if not wrong:
            _message(channel, target, _alert(event.get("kind", "STARTED"), event["actor"], now), secrets)
    except (NotDelivered, MaybeDelivered) as error:
        wrong = [str(error)]
    return {"channel": channel, "target": shown(channel, target), "delivered": not wrong, "wrong": wrong}


def _alert(kind: str, actor: str, now: datetime) -> dict[str, Any]:
    """What is invented for the message."""

    def after(minutes: int) -> str:
        return (now + timedelta(minutes=minutes)).isoformat()

    alert = {
        "kind": kind, "level": "product", "product": "headgate/test", "description": "a test", "owner": actor, "run_id": str(uuid4()),
        "business_date": f"{now:%Y-%m-%d}", "cycle": "", "attempt": 1, "since": now.isoformat(),
    }  # fmt: skip
    forecast = {
        "status": "WAITING", "basis": "waiting", "due_at": after(60), "low": after(80), "expected": after(90), "high": after(110),
        "because": "headgate/input", "because_basis": "source", "because_late": 2400,
    }  # fmt: skip
    return alert | (forecast if kind == "AT_RISK" else {})


def _said(alert: dict[str, Any]) -> Message:
    facts = (("Asked for by", alert["owner"]), ("Nothing", "has to be done"))
    if alert["kind"] == "AT_RISK":
        composed = compose(alert)
        return Message(f"A test: {composed.title}", facts + composed.facts, (), "")
    return Message("A test of the alerts of Headgate", facts, (), "")


def _message(channel: str, target: str, alert: dict[str, Any], secrets: Secrets) -> None:
    pages, key, first = channels()[channel].PAGES, f"test {alert['run_id']}", None
    message = _said(alert)
    for action in ("open", "resolve") if pages else ("inform",):
        delivery = {
            "channel": channel, "target": target, "key": key, "action": action, "severity": 4, "doubtful": False, "since": "0", "place": None,
            "conversation": {"key": key, "first": first, "state": "OPEN" if first else None},
        }  # fmt: skip
        first = channels()[channel].deliver(delivery, alert, message, secrets) or first
