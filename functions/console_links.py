"""Links into the AWS console, in every partition."""

import os
from typing import Any
from urllib.parse import quote

from job_run import JobRun
from step_types import console_address, step_type, step_types

PARTITIONS = {"us-gov-": "aws-us-gov", "cn-": "aws-cn", "eusc-": "aws-eusc"}  # by how the names of their regions begin


def execution_page(arn: str) -> str | None:
    """Of an execution, as of one that a step starts. None if it is the ARN of none."""
    return job_run_page(arn, {"type": "machine", "job": "", "job_run_id": arn})


def job_run_page(arn: str, job: dict[str, Any]) -> str | None:
    """Of a job run that the execution of this ARN launched. None if its service has no page for it."""
    if not arn.startswith("arn:") or job.get("type") not in step_types():
        return None
    return step_type(job["type"]).console(JobRun.of(job), *_place(arn))


def folder_page(region: str, bucket: str, prefix: str) -> str:
    """Of the objects whose keys begin so."""
    partition = next((name for start, name in PARTITIONS.items() if region.startswith(start)), "aws")
    page = f"s3/buckets/{quote(bucket, safe='')}?region={quote(region, safe='')}&prefix={quote(prefix, safe='')}"
    return f"{console_address(region, partition)}/{page}"


def linked(run: dict[str, Any]) -> dict[str, Any]:
    """The answer to `why` with a `link` for the execution and for each job run. The local runtime has no console."""
    arn = run.get("execution_arn", "")
    if os.environ.get("AWS_ENDPOINT_URL") or not arn:
        return run
    jobs = [
        each | {"link": page} if "job_run_id" in each and (page := job_run_page(arn, each)) else each
        for each in run.get("jobs", ())
    ]
    page = execution_page(arn)
    return run | ({"jobs": jobs} if jobs else {}) | ({"link": page} if page else {})


def _place(arn: str) -> tuple[str, str]:
    """The region and the partition of an ARN."""
    _, partition, _, region, _ = arn.split(":", 4)
    return region, partition
