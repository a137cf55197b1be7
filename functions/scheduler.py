"""Opens the runs that are due and starts their machines. EventBridge Scheduler calls it, at the minute of each opening and regularly."""

import json
from dataclasses import asdict
from typing import Any

import runtime
import ticks
from batch import LOG
from contract import require
from state.answers import Openings


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """How many openings were due, how many runs were opened, which products failed, of which openings are too old to be made, and how many effects
    were performed."""
    require(event, "schedule")
    state, now = runtime.state(), runtime.now()
    state.record_tick("scheduler", now)
    openings = state.open_due_runs(now, "scheduler")
    report(openings)
    runtime.continue_backfills(context, now)
    effects = runtime.perform_due(context, now)
    ticks.set_next(now)
    return {**asdict(openings), "effects": effects}


def report(openings: Openings) -> None:
    """Logs what was not opened, and why; the template's metric filter reads `passed_over`, the number of openings."""
    for each in openings.failed:
        LOG.error(json.dumps({"not_opened": each["product"], "reason": each["error"]}))
    for each in openings.passed_over:
        LOG.error(
            json.dumps(
                {"passed_over": each["count"], **{key: each[key] for key in ("product", "first", "last")}}
                if "product" in each
                else each
            )
        )
