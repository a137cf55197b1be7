"""The Glue jobs that products' steps name."""

from pathlib import Path
from typing import Any

from headgate.local.adapters.names import INSTANT
from headgate.local.stack import Stack
from headgate.local.step_types import script_of


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates each job, with `<job>.py` as its script; a job without a script has nothing to do. It runs as often at once as a step loads batches. One
    of an earlier start gets the script of this one."""
    glue = stack.client("glue")
    at_once: dict[str, int] = {}
    for each in steps:
        batches = each["settings"].get("batches", {})
        at_once[each["resource"]] = max(at_once.get(each["resource"], 1), batches.get("parallel", 1))
    for name, most in sorted(at_once.items()):
        location = str(script_of(name, scripts) or INSTANT)
        job = {
            "Role": f"arn:aws:iam::{stack.account}:role/jobs", "Command": {"Name": "pythonshell", "ScriptLocation": location},
            "DefaultArguments": {"--data": str(data)}, "ExecutionProperty": {"MaxConcurrentRuns": most},
        }  # fmt: skip
        try:
            glue.create_job(Name=name, **job)
        except glue.exceptions.AlreadyExistsException:
            glue.update_job(JobName=name, JobUpdate=job)
