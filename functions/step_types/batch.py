"""AWS Batch jobs. docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html"""

from datetime import datetime
from typing import Any

from clients import client, pages
from contract import require
from job_run import FAILED, STOPPED, SUCCEEDED, TIMEOUT, Answer, Ended, JobRun, Launched, named_values
from step_types import console_address

RESOURCE, ARGUMENTS = "definition", ["parameters", "command", "environment"]
SOURCE, DETAIL_TYPE = "aws.batch", "Batch Job State Change"
REASON = "Stopped by Headgate"
TIMED_OUT = "Job attempt duration exceeded timeout"  # Batch's own reason, at the time-out that the launch gives it


def batch() -> Any:
    return client("batch")


def ended(detail: dict[str, Any]) -> Ended | None:
    require(detail, "batch-job-state-change", "detail")
    if not detail["jobName"].startswith("headgate-"):
        return None
    end = _end(detail)
    definition = detail["jobDefinition"].rpartition("/")[2].partition(":")[0]
    return Ended(detail["jobId"], definition, end.state, end.message) if end.state else None


def ask(job_run: JobRun) -> Answer:
    jobs = batch().describe_jobs(jobs=[job_run.job_run_id])["jobs"]
    return _end(jobs[0]) if jobs else Answer(FAILED, "Batch does not know this job any more")


def marked(arguments: dict[str, Any], mark: str) -> dict[str, Any]:
    """The mark is the name of the job; SubmitJob takes a list of variables."""
    given: dict[str, Any] = {key: arguments[key] for key in ("parameters", "command") if key in arguments}
    if "environment" in arguments:
        given["environment"] = named_values(arguments["environment"])
    return given | {"job_name": _name(mark)}


def launched(job: str, settings: dict[str, Any], mark: str, since: datetime) -> list[Launched]:
    """SubmitJob takes no token by which Batch would know a second call; ListJobs finds jobs of every status by their name."""
    by_name = [{"name": "JOB_NAME", "values": [_name(mark)]}]
    listed = pages(batch().list_jobs, "nextToken", jobQueue=settings["queue"], filters=by_name)
    ends = {each["jobId"]: _end(each) for page in listed for each in page["jobSummaryList"]}
    return [Launched(name, end.state, end.message) for name, end in ends.items()]


def stop(job_run: JobRun) -> None:
    """A job that waits in its queue is cancelled by the same call; one that has ended stays as it is."""
    batch().terminate_job(jobId=job_run.job_run_id, reason=REASON)


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    return f"{console_address(region, partition)}/batch/home?region={region}#jobs/detail/{job_run.job_run_id}"


def _end(job: dict[str, Any]) -> Answer:
    """How a job ended; an event, DescribeJobs and ListJobs give it alike."""
    if job["status"] not in ("SUCCEEDED", "FAILED"):
        return Answer(None)
    if job["status"] == "SUCCEEDED":
        return Answer(SUCCEEDED)
    container, reason = job.get("container") or {}, job.get("statusReason") or ""
    code = container.get("exitCode")
    exit_code = f"the container ended with exit code {code}" if code is not None else "the container did not run"
    message = "; ".join(each for each in (exit_code, container.get("reason"), reason) if each)
    if reason.startswith(TIMED_OUT):
        return Answer(TIMEOUT, message)
    stopped = reason == REASON or job.get("isTerminated") or job.get("isCancelled")
    return Answer(STOPPED if stopped else FAILED, message)


def _name(mark: str) -> str:
    """A job's name takes letters, digits, dashes and underscores, at most 128."""
    return "headgate-" + mark.replace("/", "-")
