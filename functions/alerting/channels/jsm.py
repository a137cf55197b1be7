"""Jira Service Management: one alert a cause and team, closed on recovery, through an API integration."""

from alerting import genie
from alerting.delivery import Delivery, Secrets, needed, stand_in
from alerting.message import Alert, Message

RECOGNIZES_REPETITION = True  # by the alias
SEARCHES = False
PAGES = True
UPDATES = True


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str | None:
    """The alias, None if there is nothing to send. Raises `NotDelivered`."""
    key = needed(secrets, "jsm_key")
    base = stand_in("jsm") or secrets().get("jsm_url") or "https://api.atlassian.com/jsm/ops/integration"
    return genie.deliver(base.rstrip("/"), key, delivery, alert, message)
