"""Records that a job runs and keeps the token that its end answers; asks Glue when no event told of the end."""

from functools import cache
from typing import Any

import boto3

import runtime
from contract import require
from state import errors
from state.database import Typed

# How Glue's states count here (docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html); the others are those of a running job.
ENDED = {
    "SUCCEEDED": "SUCCEEDED",
    "FAILED": "FAILED",
    "ERROR": "FAILED",
    "TIMEOUT": "TIMEOUT",
    "STOPPED": "STOPPED",
    "EXPIRED": "TIMEOUT",
}
RAISED = {"FAILED": errors.JobFailed, "TIMEOUT": errors.JobTimedOut, "STOPPED": errors.JobStopped}


@cache
def glue() -> Any:
    return boto3.client("glue")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`await` records the job; `settle` returns when Glue says it succeeded, and else raises how it ended."""
    require(event, "job-tracker")
    if event["action"] == "await":
        result: dict[str, Any] = runtime.database().call(
            "record_job_start", Typed(event["run_id"], "uuid"), event["attempt"], event["step"], event["job"], event["job_run_id"],
            event["task_token"], runtime.now(),
        )  # fmt: skip
        runtime.perform_due()
        return result
    return settle(event["job"], event["job_run_id"])


def settle(job: str, job_run_id: str) -> dict[str, Any]:
    """Asks Glue, records what it says, and raises unless the job succeeded."""
    state, message = ask(job, job_run_id)
    if state is None:
        raise errors.JobStillRunning(f"{job} ({job_run_id}) still runs")
    runtime.database().call(
        "record_job_states", [{"job_run_id": job_run_id, "job": job, "state": state, "message": message}], runtime.now()
    )
    if state != "SUCCEEDED":
        raise RAISED[state](f"{job} ({job_run_id}) ended {state}: {message}")
    return {"state": state}


def ask(job: str, job_run_id: str) -> tuple[str | None, str]:
    """How the job ended by Glue's own account, and its message; None while it runs."""
    run = glue().get_job_run(JobName=job, RunId=job_run_id)["JobRun"]
    return ENDED.get(run["JobRunState"]), run.get("ErrorMessage", "")
