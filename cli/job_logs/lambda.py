# ruff: noqa: N999 - a step type's module is named as in metadata
"""AWS Lambda: docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html"""

from collections.abc import Iterator

from headgate.cli.job_logs import Client, JobRun, Place, Stream

MARGIN = 10_000  # milliseconds: the end of an invocation is logged after its answer


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    """What the function logged from the start of the job run to its end: Step Functions does not tell which invocation was its own."""
    config = client("lambda").get_function_configuration(FunctionName=job_run.job)
    group = config.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    yield Stream(group, since=job_run.started, until=None if job_run.ended is None else job_run.ended + MARGIN)
