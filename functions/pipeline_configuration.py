"""What a run's steps start, and with which arguments. A read."""

from typing import Any

import runtime
from contract import require
from state.database import Typed


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"steps": {<step>: {job, arguments}}}`, placeholders filled in for this run."""
    require(event, "pipeline-configuration")
    return {"steps": runtime.database().call("read_configuration", Typed(event["run_id"], "uuid"), event["attempt"])}
