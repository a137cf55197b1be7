"""EMR Serverless keeps logs itself for 30 days, in S3, or in CloudWatch Logs where the application says so:
docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html"""

from collections.abc import Iterator

from headgate.cli.job_logs import Client, JobRun, Note, Place, Stream


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    """The driver's output in CloudWatch Logs, or where its logs lie: those in S3 are compressed files, and what the service keeps opens in its console."""
    found = client("emr-serverless").get_job_run(applicationId=job_run.job, jobRunId=job_run.id)["jobRun"]
    monitoring = (found.get("configurationOverrides") or {}).get("monitoringConfiguration", {})
    path = f"applications/{job_run.job}/jobs/{job_run.id}"
    if (cloudwatch := monitoring.get("cloudWatchLoggingConfiguration", {})).get("enabled"):
        prefix = cloudwatch.get("logStreamNamePrefix", "").rstrip("/")
        stream = "/".join(filter(None, (prefix, path, "SPARK_DRIVER")))
        for kind in ("stdout", "stderr"):
            yield Stream(cloudwatch.get("logGroupName", "/aws/emr-serverless"), f"{stream}/{kind}")
    if location := monitoring.get("s3MonitoringConfiguration", {}).get("logUri"):
        yield Note("logs", f"{location.rstrip('/')}/{path}/")
    if details := found.get("stateDetails"):
        yield Note("EMR Serverless", details)
