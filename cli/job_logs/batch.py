"""AWS Batch, with the log driver awslogs: docs.aws.amazon.com/batch/latest/userguide/using_awslogs.html"""

from collections.abc import Iterator

from headgate.cli.job_logs import Client, JobRun, Note, Place, Stream

GROUP = "/aws/batch/job"  # where the definition names none


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    """The stream of the container, once it has started. Batch forgets a job about a week after its end."""
    found = client("batch").describe_jobs(jobs=[job_run.id])["jobs"]
    if not found:
        yield Note("Batch", "it does not know this job any more")
        return
    container = found[0].get("container") or {}
    options = container.get("logConfiguration", {}).get("options", {})
    if stream := container.get("logStreamName"):
        yield Stream(options.get("awslogs-group", GROUP), stream)
    if reason := found[0].get("statusReason"):
        yield Note("Batch", reason)
