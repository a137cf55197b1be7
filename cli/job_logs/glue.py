"""AWS Glue: docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html"""

from collections.abc import Iterator

from headgate.cli.job_logs import Client, JobRun, Note, Place, Stream

CONTINUOUS = "/aws-glue/jobs/logs-v2"


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    """What the driver, or a Python shell, prints; Spark's own log where it is switched on. A job run names the group of its security configuration."""
    found = client("glue").get_job_run(JobName=job_run.job, RunId=job_run.id)["JobRun"]
    arguments = found.get("Arguments", {})
    group = found.get("LogGroupName", "/aws-glue/jobs").rstrip("/")
    yield Stream(f"{group}/output", job_run.id)
    yield Stream(f"{group}/error", job_run.id)
    yield Stream(arguments.get("--continuous-log-logGroup", CONTINUOUS), f"{job_run.id}-driver")
    if message := found.get("ErrorMessage"):
        yield Note("Glue's error", message)
