"""Refresh event processor: WAITING -> ARRIVED, and releases every run whose condition now holds. From the domain's queue. Signals of products that are
refreshed elsewhere come by the same queue, and become refresh events."""

import json
from datetime import datetime
from typing import Any

import batch
import runtime
import signal_matching
import signals
import ticks
from contract import require
from event_dates import out_of_bounds
from message_body import MAX_EVENT, MAX_SIGNAL
from state.errors import BadEvent

SIGNAL = "signal"  # the key of what is parsed of one
STATUS_OF = {  # by detail-type
    "Data Product Started": "STARTED",
    "Data Product Refreshed": "COMPLETED",
    "Data Product Failed": "ERROR",
    "Data Product Skipped": "SKIPPED",
    "Data Product Cancelled": "CANCELLED",
    "Data Product Reopened": "REOPENED",
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The messages to deliver again."""
    settling = False

    def recorded(parsed: list[batch.Parsed], now: datetime) -> dict[int, str]:
        nonlocal settling
        settling = settling or any(SIGNAL in each for each in parsed)
        return record(parsed, now)

    answer = batch.process(event, context, parse, recorded, MAX_SIGNAL)
    ticks.look_soon(runtime.now())
    if settling:
        ticks.set_look(runtime.now())  # a signal is published once it has settled
    return answer


def record(parsed: list[batch.Parsed], now: datetime) -> dict[int, str]:
    """Records events and signals. Each may be recorded again. Gives the reasons of those that are refused, by their place."""
    refused: dict[int, str] = {}
    for recorded, signalled in ((_record_events, False), (_record_signals, True)):
        places = [place for place, each in enumerate(parsed) if (SIGNAL in each) is signalled]
        if places:
            found = recorded([parsed[place] for place in places], now)
            refused |= {places[number]: reason for number, reason in found.items()}
    return refused


def _record_signals(parsed: list[batch.Parsed], now: datetime) -> dict[int, str]:
    return signal_matching.record(runtime.state(), [each[SIGNAL] for each in parsed], now)


def _record_events(events: list[batch.Parsed], now: datetime) -> dict[int, str]:
    refused = {place: why for place, each in enumerate(events) if (why := _out_of_bounds(each, now))}
    possible = [each for place, each in enumerate(events) if place not in refused]
    if possible:
        answer = runtime.state().record_refresh_events(possible, now)
        foreign = {each["event_key"]: each["reason"] for each in answer.refused}
        refused |= {
            place: foreign[each["event_key"]] for place, each in enumerate(events) if each["event_key"] in foreign
        }
    return refused


def parse(body: dict[str, Any]) -> batch.Parsed | None:
    """The event as `record_refresh_events` takes it, or {signal}; None for what is neither. Raises `BadEvent`."""
    if body.get("source") in signals.SOURCES:
        reported = signals.parse(body)
        return {SIGNAL: reported} if reported else None
    if (size := len(json.dumps(body))) > MAX_EVENT:
        raise BadEvent(f"{size:,} characters; a refresh event has at most {MAX_EVENT:,}")
    require(body, "refresh-event")
    detail, account = body["detail"], body.get("account")
    says = STATUS_OF[body["detail-type"]]
    if detail["status"] != says:
        raise BadEvent(f'detail-type "{body["detail-type"]}" says {says}, /detail/status {detail["status"]}')
    cycle, attempt = detail.get("cycle", ""), detail.get("attempt")
    # the same refresh reported twice has one key; without a run id the moment of the refresh distinguishes it
    occurrence = f"{detail['run_id']} {attempt}" if "run_id" in detail else detail["refreshed_at"]
    product = f"{detail['domain']}/{detail['product']}"
    return {
        "event_key": f"{account} {product} {detail['business_date']} {cycle} {detail['status']} {occurrence}",
        "product_id": product,
        "account": account,
        "business_date": detail["business_date"],
        "cycle": cycle,
        "status": detail["status"],
        "run_id": detail.get("run_id"),
        "attempt": attempt,
        "refreshed_at": detail["refreshed_at"],
        "metadata": detail.get("metadata", {}),
        "cause": detail.get("cause"),
        "cascade": detail.get("cascade", False),
    }


def _out_of_bounds(event: batch.Parsed, now: datetime) -> str | None:
    problems = (out_of_bounds(name, event[name], now.date()) for name in ("business_date", "refreshed_at"))
    return next(filter(None, problems), None)
