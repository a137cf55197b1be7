"""Publishes refresh events as a producer does that is not one of the application's machines."""

import json
from typing import Any

DETAIL_TYPES = {
    "STARTED": "Data Product Started",
    "COMPLETED": "Data Product Refreshed",
    "ERROR": "Data Product Failed",
    "SKIPPED": "Data Product Skipped",
    "CANCELLED": "Data Product Cancelled",
    "REOPENED": "Data Product Reopened",
}


class EventRefused(RuntimeError):  # noqa: N818 - says what happened
    """EventBridge did not take the event; the message has its error code."""


def publish(client: Any, bus: str, detail: dict[str, Any]) -> str:
    """Puts the event that `detail` describes on the bus, with a client of EventBridge. Returns the event's id. Raises `EventRefused`."""
    entry = {
        "Source": "headgate",
        "DetailType": DETAIL_TYPES[detail.get("status", "COMPLETED")],
        "EventBusName": bus,
        "Detail": json.dumps(detail),
    }
    answer = client.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise EventRefused(f"EventBridge refused the event: {answer['Entries'][0].get('ErrorCode')}")
    return str(answer["Entries"][0]["EventId"])
