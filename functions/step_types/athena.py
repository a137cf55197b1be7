"""Amazon Athena queries. docs.aws.amazon.com/athena/latest/ug/athena-events.html"""

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from clients import client, pages
from contract import require
from job_run import FAILED, STOPPED, SUCCEEDED, Answer, Ended, JobRun, Launched
from step_types import console_address

RESOURCE, ARGUMENTS = "workgroup", ["query", "parameters"]
SOURCE, DETAIL_TYPE = "aws.athena", "Athena Query State Change"
END_STATES = {"SUCCEEDED": SUCCEEDED, "FAILED": FAILED, "CANCELLED": STOPPED}
PAGE = 50  # the most that both ListQueryExecutions and BatchGetQueryExecution take


def athena() -> Any:
    return client("athena")


def ended(detail: dict[str, Any]) -> Ended | None:
    require(detail, "athena-query-state-change", "detail")
    state = END_STATES.get(detail["currentState"])
    reason = (detail.get("athenaError") or {}).get("errorMessage", "")
    return Ended(detail["queryExecutionId"], detail["workgroupName"], state, reason) if state else None


def ask(job_run: JobRun) -> Answer:
    try:
        found = athena().get_query_execution(QueryExecutionId=job_run.job_run_id)["QueryExecution"]["Status"]
    except ClientError as error:
        # Athena's answer to an id that it does not know, or no longer: a query is kept for 45 days
        if error.response["Error"]["Code"] != "InvalidRequestException":
            raise
        return Answer(FAILED, f"Athena does not know this query: {error.response['Error'].get('Message', '')}")
    return Answer(END_STATES.get(found["State"]), found.get("StateChangeReason", ""))


def marked(arguments: dict[str, Any], mark: str) -> dict[str, Any]:
    """The query with the mark as a comment before it, and its values as literals of SQL: Athena puts them into the statement as they are."""
    parameters = (
        {"parameters": [_literal(each) for each in arguments["parameters"]]} if "parameters" in arguments else {}
    )
    return {"query": f"{_comment(mark)}{arguments['query']}"} | parameters


def launched(job: str, settings: dict[str, Any], mark: str, since: datetime) -> list[Launched]:
    """An answer does not name the token that a query was started with, so the workgroup's queries are searched, the latest first."""
    found: list[Launched] = []
    for page in pages(athena().list_query_executions, "NextToken", WorkGroup=job, MaxResults=PAGE):
        if not page["QueryExecutionIds"]:
            break
        queries = athena().batch_get_query_execution(QueryExecutionIds=page["QueryExecutionIds"])["QueryExecutions"]
        found += [
            Launched(
                each["QueryExecutionId"],
                END_STATES.get(each["Status"]["State"]),
                each["Status"].get("StateChangeReason", ""),
            )
            for each in queries
            if each["Query"].startswith(_comment(mark))
        ]
        if any(each["Status"]["SubmissionDateTime"] < since for each in queries):
            break
    return found


def stop(job_run: JobRun) -> None:
    athena().stop_query_execution(QueryExecutionId=job_run.job_run_id)


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    return (
        f"{console_address(region, partition)}/athena/home?region={region}#/query-editor/history/{job_run.job_run_id}"
    )


def _comment(mark: str) -> str:
    return f"-- headgate {mark}\n"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"
