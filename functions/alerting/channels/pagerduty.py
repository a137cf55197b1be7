"""PagerDuty: one incident a cause and service, resolved on recovery. developer.pagerduty.com/docs/events-api-v2/overview"""

import hashlib
from typing import Any

from alerting.conversation import Conversation
from alerting.delivery import Answer, Delivery, Secrets, post, referenced
from alerting.message import Alert, Message

RECOGNIZES_REPETITION = True  # by the dedup key
SEARCHES = False
PAGES = True
UPDATES = True
EVENTS = "https://events.pagerduty.com"
SEVERITIES = {1: "critical", 2: "error", 3: "warning", 4: "info"}
LONGEST_SUMMARY, LONGEST_KEY, LONGEST_DETAILS = 1_024, 255, 8_000


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str | None:
    """The dedup key, None if there is nothing to send. The target `secret:<name>` is a routing key, or an object {key, url} for a service
    region such as https://events.eu.pagerduty.com. Raises `NotDelivered`."""
    conversation = Conversation.of(delivery)
    if conversation.informs:
        return None
    service = referenced(secrets, delivery["target"], "key")
    key = f"headgate-{conversation.key}"
    if len(key) > LONGEST_KEY:
        key = f"headgate-{hashlib.sha256(key.encode()).hexdigest()}"
    resolves = conversation.action == "resolve"
    event: dict[str, Any] = {
        "routing_key": service["key"],
        "event_action": "resolve" if resolves else "trigger",
        "dedup_key": key,
    }
    if not resolves:
        event |= {
            "client": "Headgate",
            "links": [{"href": url, "text": name} for name, url in message.links],
            "payload": {
                "summary": message.title[:LONGEST_SUMMARY], "source": alert["product"], "severity": SEVERITIES[conversation.severity],
                "timestamp": alert["since"], "group": alert["product"].partition("/")[0], "class": alert["kind"],
                "custom_details": message.details(LONGEST_DETAILS),
            },
        }  # fmt: skip
    post(f"{service.get('url', EVENTS).rstrip('/')}/v2/enqueue", event, {}, _is_taken)
    return key


def _is_taken(answer: Answer) -> bool:
    return answer.status == 202 and answer.content().get("status") == "success"
