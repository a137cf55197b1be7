"""What operators do to runs: rerun, hold, release, skip, backfill. IAM decides who may call it; the caller is recorded."""

from dataclasses import asdict
from datetime import date
from typing import Any, TypeVar

import runtime
from contract import require
from state.errors import BadEvent

T = TypeVar("T")


def handler(event: dict[str, Any], context: Any) -> Any:
    """The result of the action. Raises `BadEvent`, `UnknownRun`, `UnknownProduct`, `IllegalTransition`."""
    require(event, "operate")
    state, now, actor = runtime.state(), runtime.now(), event["actor"]
    what = event.get("product") or (event.get("domain") if event["action"] == "backfill" else None)
    product, cycle = _needed(what, "product"), event.get("cycle", "")
    day = date.fromisoformat(event["business_date"]) if "business_date" in event else None
    result: Any
    match event["action"]:
        case "rerun":
            downstream = event.get("downstream", False)
            attempts = state.rerun(product, _needed(day, "business_date"), cycle, downstream, "rerun", actor, now)
            result = [{**asdict(each), "business_date": str(each.business_date)} for each in attempts]
        case "hold" | "release":
            result = {"released": state.set_hold(product, day, cycle, event["action"] == "hold", actor, now)}
        case "skip":
            state.skip_run(product, _needed(day, "business_date"), cycle, actor, now)
            result = {"skipped": 1}
        case _:
            first = _needed(day, "business_date")
            last = date.fromisoformat(event["until"]) if "until" in event else first
            result = {"opened": state.backfill(product, first, last, actor, now)}
    runtime.perform_due()
    return result


def _needed(value: T | None, name: str) -> T:
    if value is None:
        raise BadEvent(f"operate: /{name} is missing")
    return value
