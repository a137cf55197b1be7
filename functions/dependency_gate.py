"""The wait of a machine for its dependencies: keeps its token, and resolves a missed deadline."""

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

import runtime
from contract import require
from state.errors import DeadlineExceeded, RunHeld, UpstreamFailed


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
        return asdict(wait)
    deadline = state.resolve_deadline(run, attempt, event["on_deadline"], runtime.now())
    if deadline.decision == "hold":
        raise RunHeld(f"the deadline passed while {state.kept_back(run)}; the next attempt starts when the hold ends")
    if deadline.decision == "fail":
        kept = state.kept_back(run)
        passed = "deadline passed" + (f" while {kept}." if kept else ".")
        missing = " Missing: " + "; ".join(map(_format, deadline.missing)) if deadline.missing else ""
        if deadline.failed:
            raise UpstreamFailed(f"{deadline.failed} failed, and the {passed}{missing}")
        raise DeadlineExceeded(f"The {passed}{missing}")
    return {key: value for key, value in asdict(deadline).items() if value is not None}


def _format(missing: dict[str, Any]) -> str:
    if "more" in missing:
        return f"and {missing['more']:,} more"
    date = missing["business_date"] or "the latest refresh"
    cycle = "" if missing["cycle"] == "*" else f" cycle {missing['cycle']}"
    owner = f" (owner {missing['owner']})" if missing.get("owner") else ""
    status = "" if missing["status"] == ["COMPLETED"] else f" {json.dumps(missing['status'])}"
    return f"{missing['product']} for {date}{cycle}{status}{owner}"
