"""What people do to runs: rerun, hold, release, skip, backfill. IAM decides who may call it; who did is recorded."""

from typing import Any, TypeVar

import runtime
from contract import require
from state.database import Typed
from state.errors import BadEvent

T = TypeVar("T")


def handler(event: dict[str, Any], context: Any) -> Any:
    """The result of the action. Raises `BadEvent`, `UnknownRun`, `UnknownProduct`, `IllegalTransition`."""
    require(event, "operate")
    database, now, actor = runtime.database(), runtime.now(), event["actor"]
    what = event.get("product") or (event.get("domain") if event["action"] == "backfill" else None)
    product, cycle = _needed(what, "product"), event.get("cycle", "")
    date = Typed(event["business_date"], "date") if "business_date" in event else None
    match event["action"]:
        case "rerun":
            result = database.call(
                "rerun", product, _needed(date, "business_date"), cycle, event.get("downstream", False), actor, now
            )
        case "hold" | "release":
            result = database.call("set_hold", product, date, cycle, event["action"] == "hold", actor, now)
        case "skip":
            result = database.call("skip_run", product, _needed(date, "business_date"), cycle, actor, now)
        case _:
            last = Typed(event.get("until", event.get("business_date", "")), "date")
            result = database.call("backfill", product, _needed(date, "business_date"), last, actor, now)
    runtime.perform_due()
    return result


def _needed(value: T | None, name: str) -> T:
    if value is None:
        raise BadEvent(f"operate: /{name} is missing")
    return value
