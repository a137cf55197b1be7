"""The states of a file that a machine runs itself. The machine sees their end and records it; if it cannot, they have ended with it. What they have
started is not known."""

from typing import Any

from botocore.exceptions import ClientError

from clients import client
from job_run import FAILED, Answer, Ended, JobRun
from step_types.machine import END_STATES, console

__all__ = ["ARGUMENTS", "DETAIL_TYPE", "RESOURCE", "SOURCE", "ask", "console", "ended", "stop"]

RESOURCE, ARGUMENTS = "file", "input"
SOURCE = DETAIL_TYPE = None


def stepfunctions() -> Any:
    return client("stepfunctions")


def ended(detail: dict[str, Any]) -> Ended | None:
    return None


def ask(job_run: JobRun) -> Answer:
    """How the machine stands, which is named by its execution."""
    try:
        found = stepfunctions().describe_execution(executionArn=job_run.job_run_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return Answer(FAILED, "Step Functions does not know its machine any more")
    return Answer(END_STATES.get(found["status"]), f"its machine ended {found['status']}")


def stop(job_run: JobRun) -> None:
    """Its machine is stopped by what ends the run. Step Functions then stops the work of `.sync` tasks as far as it can; nobody knows of any other."""
