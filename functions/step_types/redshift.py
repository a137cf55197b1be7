"""Statements of Amazon Redshift through its Data API. docs.aws.amazon.com/redshift/latest/mgmt/data-api-monitoring-events.html"""

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from clients import client
from contract import require
from job_run import FAILED, PREFIX, STOPPED, SUCCEEDED, Answer, Ended, JobRun, Launched, named_values
from step_types import console_address

RESOURCE, ARGUMENTS = "database", ["query", "parameters"]
SOURCE, DETAIL_TYPE = "aws.redshift-data", "Redshift Data Statement Status Change"
END_STATES = {"FINISHED": SUCCEEDED, "FAILED": FAILED, "ABORTED": STOPPED}


def redshift() -> Any:
    return client("redshift-data")


def ended(detail: dict[str, Any]) -> Ended | None:
    """The event names neither the database nor the reason of a failure."""
    require(detail, "redshift-data-statement-status-change", "detail")
    state = END_STATES.get(detail["state"])
    ours = detail.get("statementName", "").startswith(PREFIX)
    return Ended(detail["statementId"], "", state) if state and ours else None


def ask(job_run: JobRun) -> Answer:
    try:
        found = redshift().describe_statement(Id=job_run.job_run_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return Answer(FAILED, "Redshift does not know this statement any more")
    return Answer(END_STATES.get(found["Status"]), found.get("Error", ""))


def marked(arguments: dict[str, Any], mark: str) -> dict[str, Any]:
    """The mark is the name of the statement; ExecuteStatement takes a list of values, all of them texts."""
    values = named_values({name: _text(value) for name, value in arguments.get("parameters", {}).items()})
    given = {"query": arguments["query"], "name": PREFIX + mark}
    return given | ({"parameters": values} if values else {})


def launched(job: str, settings: dict[str, Any], mark: str, since: datetime) -> list[Launched]:
    """None: ListStatements gives a role its own statements, and it is the machine's role that starts them. The token of the launch makes a
    repeated call the same statement."""
    return []


def stop(job_run: JobRun) -> None:
    redshift().cancel_statement(Id=job_run.job_run_id)


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    """The Data API has no page of its own; the query editor's history does not have its statements."""
    return f"{console_address(region, partition)}/redshiftv2/home?region={region}#/query-editor:"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
