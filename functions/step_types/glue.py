"""AWS Glue jobs. docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from clients import client, pages
from contract import require
from job_run import FAILED, STOPPED, SUCCEEDED, TIMEOUT, Answer, Ended, JobRun, Launched, Seen, batch_of, is_of
from step_types import console_address

RESOURCE, ARGUMENTS = "job", "arguments"
MARK = "--headgate_launch"
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


def seen(detail: dict[str, Any]) -> Seen | None:
    """Glue has no event of a start, and that of an end says neither when it began nor what it was given."""
    end = ended(detail)
    return Seen(end.job_run_id, end.job, end.state) if end else None


def looked_up(seen: Seen) -> Seen:
    try:
        found = glue().get_job_run(JobName=seen.job, RunId=seen.job_run_id)["JobRun"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        return seen
    return replace(
        seen, started_at=found["StartedOn"], ended_at=found.get("CompletedOn"), arguments=found.get("Arguments", {})
    )


def marked(arguments: dict[str, Any], mark: str) -> dict[str, Any]:
    return {**arguments, MARK: mark}


def shipped(arguments: dict[str, Any], places: dict[str, Any]) -> dict[str, Any]:
    """These arguments win over the job's own (docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html)."""
    modules = {"--extra-py-files": ",".join(places["py_files"])} if "py_files" in places else {}
    return arguments | {"--scriptLocation": places["script"]} | modules


def launched(job: str, settings: dict[str, Any], mark: str, since: datetime) -> list[Launched]:
    """StartJobRun takes no token by which Glue would know a second call, so the runs are searched, the latest first, by what they were given."""
    found: list[Launched] = []
    for page in pages(glue().get_job_runs, "NextToken", JobName=job, MaxResults=200):
        found += [
            Launched(
                each["Id"],
                END_STATES.get(each["JobRunState"]),
                each.get("ErrorMessage", ""),
                batch_of(each["Arguments"][MARK], mark),
            )
            for each in page["JobRuns"]
            if is_of(each.get("Arguments", {}).get(MARK), mark)
        ]
        if any(each["StartedOn"] < since for each in page["JobRuns"]):
            break
    return found


def stop(job_run: JobRun) -> None:
    # errors of single runs stand in the answer: a run that ended meanwhile is one of them, and its end decides
    glue().batch_stop_job_run(JobName=job_run.job, JobRunIds=[job_run.job_run_id])


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    page = f"gluestudio/home?region={region}#/job/{job_run.job}/run/{job_run.job_run_id}"
    return f"{console_address(region, partition)}/{page}"
