"""The machine's wait: keeps its token, or says what a missed deadline means."""

import json
from typing import Any

import runtime
from contract import require
from state.database import Typed
from state.errors import DeadlineExceeded, UpstreamFailed


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`await`: the token is answered when the run is released, at once if it is already. `deadline`: the decision.

    Raises `DeadlineExceeded` naming what is missing when the run is to fail, `UpstreamFailed` if that is because something upstream
    failed.
    """
    require(event, "dependency-gate")
    run, attempt = Typed(event["run_id"], "uuid"), event["attempt"]
    if event["action"] == "await":
        result: dict[str, Any] = runtime.database().call(
            "register_wait", run, attempt, event["task_token"], event["execution_arn"], runtime.now()
        )
        runtime.perform_due()
        return result
    result = runtime.database().call("settle_deadline", run, attempt, event["on_deadline"], runtime.now())
    if result["decision"] == "fail":
        missing = "Missing: " + "; ".join(map(_words, result["missing"]))
        if result["failed"]:
            raise UpstreamFailed(f"{result['failed']} failed, and the deadline passed. {missing}")
        raise DeadlineExceeded(f"The deadline passed. {missing}")
    return result


def _words(missing: dict[str, Any]) -> str:
    date = missing["business_date"] or "the latest refresh"
    cycle = "" if missing["cycle"] == "*" else f" cycle {missing['cycle']}"
    owner = f" (owner {missing['owner']})" if missing.get("owner") else ""
    status = "" if missing["status"] == ["COMPLETED"] else f" {json.dumps(missing['status'])}"
    return f"{missing['product']} for {date}{cycle}{status}{owner}"
