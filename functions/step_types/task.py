"""Any integration of Step Functions. The rule of a step's events gives them one form, in which this module reads them; Headgate does not know how its
service is asked, nor how the work is stopped."""

from typing import Any

from contract import require
from job_run import FAILED, SUCCEEDED, Answer, Ended, JobRun

RESOURCE, ARGUMENTS = "name", "parameters"
SOURCE, DETAIL_TYPE = "headgate.task", "Task State Change"


def ended(detail: dict[str, Any]) -> Ended | None:
    require(detail, "task-state-change", "detail")
    for states, end in (("succeeded", SUCCEEDED), ("failed", FAILED)):
        if detail["state"] in detail[states]:
            message = "" if end == SUCCEEDED else f"{detail['source']} reported {detail['state']}"
            return Ended(detail["run_id"], detail["job"], end, message)
    return None


def ask(job_run: JobRun) -> Answer:
    return Answer(None)


def stop(job_run: JobRun) -> None:
    """It ends by itself, or goes on."""


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    return None
