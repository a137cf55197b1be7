"""OpsGenie: one alert a cause and team, closed on recovery. The service ends on 5 April 2027; `jsm` is what follows it."""

import os

from alerting import genie
from alerting.delivery import Delivery, Secrets, needed
from alerting.message import Alert, Message

RECOGNIZES_REPETITION = True  # by the alias
SEARCHES = False
PAGES = True
UPDATES = True


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str | None:
    """The alias, None if there is nothing to send. The member `opsgenie_url` of the secret is for hosts such as https://api.eu.opsgenie.com.
    Raises `NotDelivered`."""
    key = needed(secrets, "opsgenie_key")
    base = os.environ.get("OPSGENIE_API_URL") or secrets().get("opsgenie_url") or "https://api.opsgenie.com"
    return genie.deliver(base.rstrip("/"), key, delivery, alert, message)
