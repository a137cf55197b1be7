"""Webhooks: the facts and the text as JSON, posted to the URL."""

from urllib.parse import urlsplit

from alerting.delivery import Delivery, Secrets, post
from alerting.message import Alert, Message

RECOGNIZES_REPETITION = True  # by the Idempotency-Key
SEARCHES = False
PAGES = False


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str:
    """The key of the alert. Raises `NotDelivered`."""
    key = str(delivery["key"])
    body = {**alert, "title": message.title, "text": message.text(), "links": dict(message.links), "alert_key": key}
    post(delivery["target"], body, {"Idempotency-Key": key})
    return key


def shown(target: str) -> str:
    """The host alone: a URL may hold a secret."""
    return urlsplit(target).hostname or ""
