"""The Glue jobs that products' steps name."""

from pathlib import Path
from typing import Any

from headgate.deployment.central import PREFIX
from headgate.local.adapters.names import INSTANT
from headgate.local.stack import Stack
from headgate.local.step_types import script_of

LOADS_NOTHING = Path(__file__).with_name("loads_nothing.py")


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates each job, with `<job>.py` as its script; a job without a script has nothing to do, but to say of a batch of files that they are loaded. It runs as often at once as a step loads batches. One
    of an earlier start gets the script of this one. A job that is deployed with its product runs what ships with it, unless there is a `<job>.py`, which
    stands in for it: Spark is not here."""
    glue = stack.client("glue")
    arguments = {"--data": str(data)}
    shipped = {each["resource"]: each for each in steps if each.get("deployed")}
    at_once: dict[str, int] = {}
    instead: dict[str, str] = {}
    for each in steps:
        batches = each.get("settings", {}).get("batches")
        at_once[each["resource"]] = max(at_once.get(each["resource"], 1), (batches or {}).get("parallel", 1))
        if batches is not None:
            instead[each["resource"]] = str(LOADS_NOTHING)
    for name in sorted(at_once.keys() - shipped.keys()):
        location = str(script_of(name, scripts) or instead.get(name, INSTANT))
        job = {
            "Role": f"arn:aws:iam::{stack.account}:role/jobs", "Command": {"Name": "pythonshell", "ScriptLocation": location},
            "DefaultArguments": arguments, "ExecutionProperty": {"MaxConcurrentRuns": at_once[name]},
        }  # fmt: skip
        try:
            glue.create_job(Name=name, **job)
        except glue.exceptions.AlreadyExistsException:
            glue.update_job(JobName=name, JobUpdate=job)
    for name, step in sorted(shipped.items()):
        try:
            job = glue.get_job(JobName=PREFIX + name)["Job"]
        except glue.exceptions.EntityNotFoundException:
            continue  # of a domain in another account
        changes = {
            "DefaultArguments": {**job.get("DefaultArguments", {}), **arguments},
            "ExecutionProperty": {"MaxConcurrentRuns": step["settings"].get("max_concurrent_runs", 1)},
        }
        if stand_in := script_of(name, scripts):
            changes["Command"] = {"Name": "pythonshell", "ScriptLocation": str(stand_in)}
        glue.update_job(JobName=PREFIX + name, JobUpdate=changes)
