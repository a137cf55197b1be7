"""The job queues and job definitions that products' steps name."""

import contextlib
from pathlib import Path
from typing import Any

from headgate.local.adapters.names import INSTANT
from headgate.local.stack import Stack
from headgate.local.step_types import script_of


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates each queue, and a revision of each job definition with `<definition>.py` in the place of its image; a job without a script has nothing
    to do. The environment variable DATA names the data folder."""
    batch = stack.client("batch")
    for queue in sorted({each["settings"]["queue"] for each in steps}):
        with contextlib.suppress(batch.exceptions.ClientException):  # of an earlier start
            order = [{"order": 1, "computeEnvironment": "local"}]
            batch.create_job_queue(jobQueueName=queue, priority=1, computeEnvironmentOrder=order)
    for name in sorted({each["resource"] for each in steps}):
        image = str(script_of(name, scripts) or INSTANT)
        container = {"image": image, "environment": [{"name": "DATA", "value": str(data)}]}
        batch.register_job_definition(jobDefinitionName=name, type="container", containerProperties=container)
