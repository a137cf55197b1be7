"""Records how a run's attempt ended."""

from typing import Any

import runtime
from contract import require
from state.database import Typed


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"recorded_at": ...}`, the same for the same outcome told again."""
    require(event, "outcome-recorder")
    result: dict[str, Any] = runtime.database().call(
        "record_outcome", Typed(event["run_id"], "uuid"), event["attempt"], event["status"], event.get("error"), event.get("cause"),
        runtime.now(), "machine",
    )  # fmt: skip
    return result
