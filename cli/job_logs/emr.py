"""Steps of Amazon EMR, with logs in S3: docs.aws.amazon.com/emr/latest/ManagementGuide/emr-manage-view-web-log-files.html"""

import gzip
from collections.abc import Iterator
from typing import Any

from headgate.cli.job_logs import Client, JobRun, Note, Place

FILES = ("controller", "stdout", "stderr")
MOST = 400  # lines at the end of a file


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    """What EMR says of the step, and the files that it writes every five minutes where the cluster has `logs`."""
    cluster, _, step = job_run.id.partition("/")
    emr = client("emr")
    status = emr.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
    failure = status.get("FailureDetails", {})
    if reasons := "\n".join(filter(None, (failure.get("Reason"), failure.get("Message")))):
        yield Note("EMR", reasons)
    uri = emr.describe_cluster(ClusterId=cluster)["Cluster"].get("LogUri")
    if not uri:
        yield Note("its output", "the cluster has no `logs`: what its steps print is lost with it")
        return
    # EMR gives the URI back with `s3n`
    bucket, _, prefix = uri.partition("://")[2].rstrip("/").partition("/")
    for name in FILES:
        key = "/".join(filter(None, (prefix, cluster, "steps", step, f"{name}.gz")))
        if text := _text(client("s3"), bucket, key):
            yield Note(f"s3://{bucket}/{key}", text)


def _text(s3: Any, bucket: str, key: str) -> str:
    """The end of the file; empty where there is none, yet."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return ""
    return "\n".join(gzip.decompress(body).decode(errors="replace").splitlines()[-MOST:])
