"""What is said of a run that fails at its deadline."""

import json
from typing import Any
from uuid import UUID

from state.answers import Deadline
from state.calls import State
from state.errors import DeadlineExceeded, UpstreamFailed


def failure(state: State, run: UUID, deadline: Deadline) -> DeadlineExceeded:
    """Names what is missing and what keeps the run back; `UpstreamFailed` if that is because an upstream failed."""
    kept = state.kept_back(run)
    passed = "deadline passed" + (f" while {kept}." if kept else ".")
    missing = " Missing: " + "; ".join(map(_format, deadline.missing)) if deadline.missing else ""
    if deadline.failed:
        return UpstreamFailed(f"{deadline.failed} failed, and the {passed}{missing}")
    return DeadlineExceeded(f"The {passed}{missing}")


def _format(missing: dict[str, Any]) -> str:
    if "more" in missing:
        return f"and {missing['more']:,} more"
    if "files" in missing:
        return (
            f"files of {missing['product'].removesuffix('#files')} for {missing['business_date']} ({missing['files']})"
        )
    date = missing["business_date"] or "the latest refresh"
    cycle = "" if missing["cycle"] == "*" else f" cycle {missing['cycle']}"
    owner = f" (owner {missing['owner']})" if missing.get("owner") else ""
    status = "" if missing["status"] == ["COMPLETED"] else f" {json.dumps(missing['status'])}"
    return f"{missing['product']} for {date}{cycle}{status}{owner}"
