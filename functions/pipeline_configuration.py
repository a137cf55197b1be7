"""Begins a run's pipeline: makes the run PROCESSING and gives what its steps start, and with which arguments."""

from typing import Any
from uuid import UUID

import runtime
from contract import require
from job_run import mark_of
from step_types import findable, step_type


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"steps": {<step key>: {<resource>: ..., <arguments>: ...}}}`: the properties are named as the step's type names them, placeholders
    are filled in for this run, and the launch carries a mark where its type can be found by one. The same again for the same attempt. Raises `IllegalTransition`, `StaleAttempt`, `UnknownRun`."""
    require(event, "pipeline-configuration")
    run = UUID(event["run_id"])
    steps = runtime.state().begin_pipeline(run, event["attempt"], event.get("execution_arn"), runtime.now())
    runtime.perform_of_run(context, run)
    marks = {key: mark_of(run, event["attempt"], key.replace("_", "-")) for key in steps}
    return {"steps": {key: _configuration(marks[key], **each) for key, each in steps.items()}}


def _configuration(mark: str, type: str, resource: str, arguments: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the catalog's name
    kind, found = step_type(type), findable(type)
    given = found.marked(arguments, mark) if found else arguments
    return {kind.RESOURCE: resource} | ({kind.ARGUMENTS: given} if isinstance(kind.ARGUMENTS, str) else given)
