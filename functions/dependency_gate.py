"""The wait of a machine for its dependencies: keeps its token, and resolves a missed deadline."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import missed_deadlines
import runtime
import ticks
from contract import require
from state.errors import RunHeld


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`await`: the token is answered when the run is released, at once if it is already. `deadline`: the decision.

    Raises `RunHeld` if the run is held: then this machine ends and the run stays. Raises `DeadlineExceeded`, naming what is missing and what keeps the run back, if the run fails at its deadline, and `UpstreamFailed`
    if that is because an upstream failed.
    """
    require(event, "dependency-gate")
    state, run, attempt = runtime.state(), UUID(event["run_id"]), event["attempt"]
    if event["action"] == "await":
        wait = state.register_wait(run, attempt, event["task_token"], event["execution_arn"], runtime.now())
        runtime.perform_of_run(context, run)
        ticks.look_soon(runtime.now())
        return asdict(wait)
    deadline = state.resolve_deadline(run, attempt, event["on_deadline"], runtime.now())
    if deadline.decision == "hold":
        raise RunHeld(f"the deadline passed while {state.kept_back(run)}; the next attempt starts when the hold ends")
    if deadline.decision == "fail":
        raise missed_deadlines.failure(state, run, deadline)
    return {key: value for key, value in asdict(deadline).items() if value is not None}
