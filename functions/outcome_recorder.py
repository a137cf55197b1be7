"""Records how a run's attempt ended."""

from typing import Any
from uuid import UUID

import runtime
from contract import require


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"recorded_at": ..., "detail": ...}`, the same when the same outcome is reported again. `detail` is what the machine publishes."""
    require(event, "outcome-recorder")
    run, now = UUID(event["run_id"]), runtime.now()
    finished = runtime.state().finish_attempt(
        run, event["attempt"], event["status"], event.get("error"), event.get("cause"), now
    )
    runtime.perform_of_run(context, run)
    if finished.continues:
        runtime.continue_backfills(context, now)
    return {"recorded_at": finished.recorded_at, "detail": finished.detail}
