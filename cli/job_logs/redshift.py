"""The Redshift Data API keeps a statement for 24 hours: docs.aws.amazon.com/redshift-data/latest/APIReference/API_DescribeStatement.html"""

from collections.abc import Iterator

from headgate.cli.job_logs import Client, JobRun, Note, Place


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    found = client("redshift-data").describe_statement(Id=job_run.id)
    yield Note("statement", found["QueryString"].strip())
    if values := found.get("QueryParameters"):
        yield Note("values", ", ".join(f"{each['name']} = {each['value']}" for each in values))
    if error := found.get("Error"):
        yield Note("error", error)
    if (rows := found.get("ResultRows", -1)) >= 0:
        yield Note("rows", f"{rows:,}")
