"""Records how a run's attempt ended."""

from typing import Any
from uuid import UUID

import runtime
from contract import require


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"recorded_at": ...}`, the same when the same outcome is reported again."""
    require(event, "outcome-recorder")
    run = UUID(event["run_id"])
    outcome = runtime.state().record_outcome(
        run,
        event["attempt"],
        event["status"],
        event.get("error"),
        event.get("cause"),
        runtime.now(),
        "machine",
    )
    runtime.perform_of_run(context, run)
    return {"recorded_at": outcome.recorded_at}
