"""What operators do to runs: rerun, hold, release, skip, backfill; and retry of effects. IAM decides who may call it; the caller is recorded."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any, TypeVar

import runtime
from contract import require
from state.answers import length
from state.calls import State
from state.errors import BadEvent, IllegalTransition

T = TypeVar("T")


def handler(event: dict[str, Any], context: Any) -> Any:
    """The result of the action. Raises `BadEvent`, `UnknownRun`, `UnknownProduct`, `NoPipeline`, `IllegalTransition`, `TooMuch`."""
    require(event, "operate")
    state, now, actor = runtime.state(), runtime.now(), event["actor"]
    if event["action"] == "retry":
        return _retry(state, event, actor, now, context)
    what = event.get("product") or (event.get("domain") if event["action"] == "backfill" else None)
    product, cycle = _needed(what, "product"), event.get("cycle", "")
    day = date.fromisoformat(event["business_date"]) if "business_date" in event else None
    result: Any
    match event["action"]:
        case "rerun":
            downstream, of_date = event.get("downstream", False), day or state.latest_date(product, now)
            result = state.rerun(product, of_date, cycle, downstream, "rerun", actor, now)
        case "hold" | "release":
            result = _set_hold(state, product, day, cycle, event["action"] == "hold", actor, now)
        case "skip":
            of_date = day or state.latest_date(product, now)
            state.skip_run(product, of_date, cycle, actor, now)
            result = {"skipped": 1, "product": product, "business_date": str(of_date), "cycle": cycle}
        case _:
            first = day or state.latest_opening(product, now)
            if first is None:
                state.backfill(
                    product, now.date(), now.date(), True, actor, now
                )  # raises where there is nothing to open on any date
                raise IllegalTransition(
                    f"no schedule of {product} has opened a run yet; name the business date with --date"
                )
            last = date.fromisoformat(event["until"]) if "until" in event else first
            if last < first:
                raise BadEvent(f"operate: /until {last} is before /business_date {first}")
            found = state.backfill(product, first, last, event.get("preview", False), actor, now)
            result = {**asdict(found), "business_date": str(first), "until": str(last)}
    runtime.perform_made(context, now)
    return result


def _retry(state: State, event: dict[str, Any], actor: str, now: datetime, context: Any) -> dict[str, int]:
    """How many parked effects are due again, and how many of these could be performed at once."""
    if ("effect" in event) == ("all" in event):
        raise BadEvent("operate: retry needs /effect or /all, and not both")
    retried = state.retry_effects([event["effect"]] if "effect" in event else None, actor, now)
    return {"retried": retried, "performed": runtime.perform_made(context, now)}


def _set_hold(
    state: State, product: str, day: date | None, cycle: str, hold: bool, actor: str, now: datetime
) -> dict[str, Any]:
    """What is held or released. The end of a hold that does not exist is refused, and the message names the hold that does."""
    change = state.set_hold(product, day, cycle, hold, actor, now)
    scope = "product" if day is None else "run"
    if not hold and not change.changed:
        run = f"the run of {product} for {day}" + (f" {cycle}" if cycle else "")
        other = {
            "product": f"; the product itself is: `headgate release {product}`",
            "run": "; single runs of it are: `headgate release` with their --date",
        }
        raise IllegalTransition(f"{run if day else product} is not held{other.get(change.other_hold or '', '')}")
    return {
        "scope": scope,
        "product": product,
        "changed": change.changed,
        "other_hold": change.other_hold,
        "released": length(change.released),
        "released_runs": change.released,
        "waiting_runs": change.waiting,
    }


def _needed(value: T | None, name: str) -> T:
    if value is None:
        raise BadEvent(f"operate: /{name} is missing")
    return value
