"""Job status processor: Glue's word that a job has ended answers the machine that waits for it. From the default bus's queue."""

from typing import Any

import batch
from contract import require
from job_tracker import ENDED


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The messages that have to come again, or go to the DLQ."""
    return batch.process(event, parse, "record_job_states")


def parse(body: dict[str, Any]) -> batch.Parsed | None:
    """The state as `record_job_states` takes it; None for one that is no end. Raises `BadEvent`."""
    require(body, "glue-job-state-change")
    detail = body["detail"]
    state = ENDED.get(detail["state"])
    if state is None:
        return None
    return {
        "job_run_id": detail["jobRunId"],
        "job": detail["jobName"],
        "state": state,
        "message": detail.get("message", ""),
    }
