# ruff: noqa: N999 - a step type's module is named as in metadata
"""Lambda functions. The machine sees the end of an invocation itself and records it; Lambda cannot be asked about one, nor stop one."""

from typing import Any

from job_run import Answer, Ended, JobRun
from step_types import console_address

RESOURCE, ARGUMENTS = "function", "payload"
SOURCE = DETAIL_TYPE = None


def ended(detail: dict[str, Any]) -> Ended | None:
    return None


def ask(job_run: JobRun) -> Answer:
    return Answer(None)


def stop(job_run: JobRun) -> None:
    """An invocation ends by itself, at its function's own time-out: at most 15 minutes."""


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    name, _, alias = job_run.job.rpartition(":function:")[2].partition(":")
    page = f"lambda/home?region={region}#/functions/{name}" + (f"/aliases/{alias}" if alias else "")
    return f"{console_address(region, partition)}/{page}?tab=monitoring"
