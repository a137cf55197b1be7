"""A test of a recipient: what its service says of the token, the scopes and the membership, and one message."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from alerting.channels import channels, check, shown
from alerting.delivery import MaybeDelivered, NotDelivered, Secrets
from alerting.message import Message
from state.errors import BadEvent


def send(event: dict[str, Any], secrets: Secrets, now: datetime) -> dict[str, Any]:
    """Checks the recipient and sends one message, which a channel that pages opens and closes. Gives {channel, target, delivered, wrong}; `wrong` are the
    reasons why it does not work. Raises `BadEvent` for a channel that does not exist."""
    channel, target = event["channel"], event["target"]
    if channel not in channels():
        raise BadEvent(f"alert-test: no channel is called {channel}; there are {', '.join(channels())}")
    try:
        wrong = check(channel, target, secrets)
        if not wrong:
            _message(channel, target, event["actor"], secrets, now)
    except (NotDelivered, MaybeDelivered) as error:
        wrong = [str(error)]
    return {"channel": channel, "target": shown(channel, target), "delivered": not wrong, "wrong": wrong}


def _message(channel: str, target: str, actor: str, secrets: Secrets, now: datetime) -> None:
    pages, key, first = channels()[channel].PAGES, f"test {uuid4()}", None
    alert = {
        "kind": "STARTED", "level": "product", "product": "headgate/test", "description": "a test", "owner": actor, "run_id": key.split()[1],
        "business_date": f"{now:%Y-%m-%d}", "cycle": "", "attempt": 1, "since": now.isoformat(),
    }  # fmt: skip
    message = Message(
        "A test of the alerts of Headgate", (("Asked for by", actor), ("Nothing", "has to be done")), (), ""
    )
    for action in ("open", "resolve") if pages else ("inform",):
        delivery = {
            "channel": channel, "target": target, "key": key, "action": action, "severity": 4, "doubtful": False, "since": "0", "place": None,
            "conversation": {"key": key, "first": first, "state": "OPEN" if first else None},
        }  # fmt: skip
        first = channels()[channel].deliver(delivery, alert, message, secrets) or first
