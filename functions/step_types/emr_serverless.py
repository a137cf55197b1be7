"""Job runs of Amazon EMR Serverless. docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-eventbridge.html"""

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from clients import client, pages
from contract import require
from job_run import FAILED, PREFIX, STOPPED, SUCCEEDED, Answer, Ended, JobRun, Launched
from step_types import console_address

RESOURCE, ARGUMENTS = "application", ["arguments"]
SOURCE, DETAIL_TYPE = "aws.emr-serverless", "EMR Serverless Job Run State Change"
END_STATES = {"SUCCESS": SUCCEEDED, "FAILED": FAILED, "CANCELLED": STOPPED}


def emr_serverless() -> Any:
    return client("emr-serverless")


def ended(detail: dict[str, Any]) -> Ended | None:
    """The event does not name the reason of a failure."""
    require(detail, "emr-serverless-job-run-state-change", "detail")
    state = END_STATES.get(detail["state"])
    return Ended(detail["jobRunId"], detail["applicationId"], state) if state else None


def ask(job_run: JobRun) -> Answer:
    try:
        found = emr_serverless().get_job_run(applicationId=job_run.job, jobRunId=job_run.job_run_id)["jobRun"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return Answer(FAILED, "EMR Serverless does not know this job run any more")
    return Answer(END_STATES.get(found["state"]), found.get("stateDetails", ""))


def marked(arguments: dict[str, Any], mark: str) -> dict[str, Any]:
    """The mark is the name of the job run."""
    return arguments | {"name": _name(mark)}


def launched(job: str, settings: dict[str, Any], mark: str, since: datetime) -> list[Launched]:
    """A job run does not show the token that it was started with, so the application's are searched by their names."""
    runs = emr_serverless().list_job_runs
    return [
        Launched(each["id"], END_STATES.get(each["state"]), each.get("stateDetails", ""))
        for page in pages(runs, "nextToken", applicationId=job, createdAtAfter=since, maxResults=50)
        for each in page["jobRuns"]
        if each.get("name") == _name(mark)
    ]


def stop(job_run: JobRun) -> None:
    emr_serverless().cancel_job_run(applicationId=job_run.job, jobRunId=job_run.job_run_id)


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    """The list of the application's job runs: the page of one is in EMR Studio, at an address of its own."""
    return f"{console_address(region, partition)}/emr/home?region={region}#/serverless/applications/{job_run.job}"


def _name(mark: str) -> str:
    return PREFIX + mark
