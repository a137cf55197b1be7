"""Records how a run's attempt ended."""

from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

import launches
import runtime
from clients import described
from contract import require
from failure_cause import readable
from state.errors import StateUnavailable


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"recorded_at": ..., "detail": ...}`, the same when the same outcome is reported again. `detail` is what the machine publishes. Before an
    ERROR is final, what still runs of the attempt is stopped: the jobs of other branches, and one whose launch nobody recorded. With `publish` the
    machine publishes nothing: its region is not that of the central bus, which Step Functions could not call."""
    require(event, "outcome-recorder")
    run, now = UUID(event["run_id"]), runtime.now()
    if event["status"] == "ERROR":
        try:
            launches.stop_all(runtime.state(), run, event["attempt"], now)
        except (ClientError, BotoCoreError) as error:  # a service does not answer; by this name the machine asks again
            raise StateUnavailable(f"what still runs is not known: {described(error)}") from None
    finished = runtime.state().finish_attempt(
        run, event["attempt"], event["status"], event.get("error"), readable(event.get("cause")), now
    )
    if event.get("publish"):
        runtime.state().publish_at_once(run, event["attempt"], event["status"], now)
    runtime.perform_of_run(context, run)
    if finished.continues:
        runtime.continue_backfills(context, now)
    return {"recorded_at": finished.recorded_at, "detail": finished.detail}
