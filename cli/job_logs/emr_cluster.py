"""Amazon EMR keeps what became of a cluster for two months."""

from collections.abc import Iterator

from headgate.cli.job_logs import Client, JobRun, Note, Place


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    """Its state, and why."""
    status = client("emr").describe_cluster(ClusterId=job_run.id)["Cluster"]["Status"]
    reason = status.get("StateChangeReason", {})
    yield Note("EMR", ": ".join(filter(None, (status["State"], reason.get("Code"), reason.get("Message")))))
