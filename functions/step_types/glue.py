"""AWS Glue jobs. docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html"""

from typing import Any

from botocore.exceptions import ClientError

from clients import client
from contract import require
from job_run import FAILED, STOPPED, SUCCEEDED, TIMEOUT, Answer, Ended, JobRun
from step_types import console_address

RESOURCE, ARGUMENTS = "job", "arguments"
SOURCE, DETAIL_TYPE = "aws.glue", "Glue Job State Change"
# Glue's states of a job run that has ended; in the other states it runs.
END_STATES = {
    "SUCCEEDED": SUCCEEDED,
    "FAILED": FAILED,
    "ERROR": FAILED,
    "TIMEOUT": TIMEOUT,
    "STOPPED": STOPPED,
    "EXPIRED": TIMEOUT,
}


def glue() -> Any:
    return client("glue")


def ended(detail: dict[str, Any]) -> Ended | None:
    require(detail, "glue-job-state-change", "detail")
    state = END_STATES.get(detail["state"])
    return Ended(detail["jobRunId"], detail["jobName"], state, detail.get("message", "")) if state else None


def ask(job_run: JobRun) -> Answer:
    try:
        found = glue().get_job_run(JobName=job_run.job, RunId=job_run.job_run_id)["JobRun"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        return Answer(FAILED, "Glue does not know this run any more")
    return Answer(END_STATES.get(found["JobRunState"]), found.get("ErrorMessage", ""))


def stop(job_run: JobRun) -> None:
    # errors of single runs stand in the answer: a run that ended meanwhile is one of them, and its end decides
    glue().batch_stop_job_run(JobName=job_run.job, JobRunIds=[job_run.job_run_id])


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    page = f"gluestudio/home?region={region}#/job/{job_run.job}/run/{job_run.job_run_id}"
    return f"{console_address(region, partition)}/{page}"
