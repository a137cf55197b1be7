"""Refresh event processor: WAITING -> ARRIVED, and releases every run whose condition now holds. From the domain's queue."""

from datetime import datetime
from typing import Any

import batch
import runtime
from contract import require


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The messages to deliver again, or at last to the DLQ."""
    return batch.process(event, context, parse, record)


def record(events: list[batch.Parsed], now: datetime) -> None:
    """Records the events. Each may be recorded again."""
    runtime.state().record_refresh_events(events, now)


def parse(body: dict[str, Any]) -> batch.Parsed | None:
    """The event as `record_refresh_events` takes it. Raises `BadEvent`."""
    require(body, "refresh-event")
    detail = body["detail"]
    cycle, attempt = detail.get("cycle", ""), detail.get("attempt")
    # the same refresh reported twice has one key; without a run id the moment of the refresh distinguishes it
    occurrence = f"{detail['run_id']} {attempt}" if "run_id" in detail else detail["refreshed_at"]
    product = f"{detail['domain']}/{detail['product']}"
    return {
        "event_key": f"{product} {detail['business_date']} {cycle} {detail['status']} {occurrence}",
        "product_id": product,
        "account": body.get("account"),
        "business_date": detail["business_date"],
        "cycle": cycle,
        "status": detail["status"],
        "run_id": detail.get("run_id"),
        "attempt": attempt,
        "refreshed_at": detail["refreshed_at"],
        "metadata": detail.get("metadata", {}),
    }
