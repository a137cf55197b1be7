"""Opens the runs that are due and starts their machines. EventBridge Scheduler calls it, and the deployment once."""

from dataclasses import asdict
from typing import Any

import runtime
from contract import require


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """How many openings were due, how many runs were opened, and how many effects were performed."""
    require(event, "schedule")
    openings = runtime.state().open_due_runs(runtime.now(), "scheduler")
    return {**asdict(openings), "effects": runtime.perform_due()}
