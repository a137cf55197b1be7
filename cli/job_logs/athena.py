"""Amazon Athena keeps of a query its statement, its statistics and its result: docs.aws.amazon.com/athena/latest/APIReference/API_QueryExecution.html"""

from collections.abc import Iterator

from headgate.cli.job_logs import Client, JobRun, Note, Place


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    found = client("athena").get_query_execution(QueryExecutionId=job_run.id)["QueryExecution"]
    yield Note("statement", found["Query"].strip())
    if values := found.get("ExecutionParameters"):
        yield Note("values", ", ".join(values))
    if reason := found["Status"].get("StateChangeReason"):
        yield Note("reason", reason)
    if job_run.ended is None:
        return
    if (scanned := found.get("Statistics", {}).get("DataScannedInBytes")) is not None:
        yield Note("scanned", f"{scanned:,} bytes")
    if location := found.get("ResultConfiguration", {}).get("OutputLocation"):
        yield Note("result", location)
