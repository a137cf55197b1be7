"""Opens the runs that are due and starts their machines. EventBridge Scheduler calls it, and the deployment once."""

import json
from dataclasses import asdict
from typing import Any

import runtime
from batch import LOG
from contract import require


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """How many openings were due, how many runs were opened, which products failed, and how many effects were performed."""
    require(event, "schedule")
    now = runtime.now()
    openings = runtime.state().open_due_runs(now, "scheduler")
    for each in openings.failed:
        LOG.error(json.dumps({"not_opened": each["product"], "reason": each["error"]}))
    return {**asdict(openings), "effects": runtime.perform_due(context, now)}
