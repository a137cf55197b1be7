"""The scripts of steps on clusters."""

import json
from pathlib import Path
from typing import Any

from headgate.local.adapters.names import EMR_SCRIPTS
from headgate.local.stack import Stack
from headgate.local.step_types import script_of


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Keeps where the script `<job>.py` of each job is; a job without one runs the file that ships with its product, or else has nothing to do. The job is the file of the Spark application without its ending,
    or the name of the step. The environment variable DATA names the data folder."""
    parameters = stack.client("ssm")
    for job in sorted({each["resource"] for each in steps}):
        script = script_of(job, scripts)
        found = ({"script": str(script)} if script else {}) | {"data": str(data)}
        parameters.put_parameter(Name=EMR_SCRIPTS + job, Value=json.dumps(found), Type="String", Overwrite=True)
