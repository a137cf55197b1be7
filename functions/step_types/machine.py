"""State machines of others. docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html"""

import hashlib
import json
import os
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from clients import client, pages
from contract import require
from job_run import FAILED, STOPPED, SUCCEEDED, TIMEOUT, Answer, Ended, JobRun, Launched, Seen
from step_types import console_address

RESOURCE, ARGUMENTS = "name", ["input"]
SOURCE, DETAIL_TYPE = "aws.states", "Step Functions Execution Status Change"
END_STATES = {"SUCCEEDED": SUCCEEDED, "FAILED": FAILED, "TIMED_OUT": TIMEOUT, "ABORTED": STOPPED}


def stepfunctions() -> Any:
    return client("stepfunctions")


def ended(detail: dict[str, Any]) -> Ended | None:
    require(detail, "execution-status-change", "detail")
    if not detail["name"].startswith("headgate-"):
        return None
    state = END_STATES.get(detail["status"])
    name = detail["stateMachineArn"].rpartition(":")[2]
    return Ended(detail["executionArn"], name, state, _reason(detail)) if state else None


def seen(detail: dict[str, Any]) -> Seen | None:
    require(detail, "execution-status-change", "detail")
    if detail["name"].startswith("headgate-") or detail["status"] not in {*END_STATES, "RUNNING"}:
        return None
    name = detail["stateMachineArn"].rpartition(":")[2]
    started, ended_at = (_moment(detail.get(each)) for each in ("startDate", "stopDate"))
    given = {"input": _input(detail.get("input"))}
    return Seen(detail["executionArn"], name, END_STATES.get(detail["status"]), started, ended_at, given)


def looked_up(seen: Seen) -> Seen:
    """Events of executions say all there is; an input that is long is left out."""
    return seen


def ask(job_run: JobRun) -> Answer:
    try:
        found = stepfunctions().describe_execution(executionArn=job_run.job_run_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return Answer(FAILED, "Step Functions does not know this execution any more")
    return Answer(END_STATES.get(found["status"]), _reason(found))


def marked(arguments: dict[str, Any], mark: str) -> dict[str, Any]:
    """The mark is in the name of the execution, which takes 80 characters: as a digest."""
    return {**arguments, "prefix": _prefix(mark)}


def launched(job: str, settings: dict[str, Any], mark: str, since: datetime) -> list[Launched]:
    """The executions of the machine, the latest first."""
    found: list[Launched] = []
    machine = _machine_arn(job)
    for page in pages(stepfunctions().list_executions, "nextToken", stateMachineArn=machine, maxResults=1000):
        found += [
            Launched(each["executionArn"], END_STATES.get(each["status"]))
            for each in page["executions"]
            if each["name"].startswith(_prefix(mark) + "-")
        ]
        if any(each["startDate"] < since for each in page["executions"]):
            break
    return found


def stop(job_run: JobRun) -> None:
    stepfunctions().stop_execution(
        executionArn=job_run.job_run_id, error="StoppedByHeadgate", cause="Its run does not need it any more"
    )


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    """docs.aws.amazon.com/step-functions/latest/dg/concepts-view-execution-details.html"""
    page = f"states/home?region={region}#/v2/executions/details/{job_run.job_run_id}"
    return f"{console_address(region, partition)}/{page}"


def _reason(execution: dict[str, Any]) -> str:
    return ": ".join(each for each in (execution.get("error"), execution.get("cause")) if each)


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds is not None else None


def _input(text: str | None) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}


def _prefix(mark: str) -> str:
    return "headgate-" + hashlib.sha256(mark.encode()).hexdigest()[:24]


def _machine_arn(name: str) -> str:
    """Beside Headgate's own machines."""
    return os.environ["STATE_MACHINE_ARN_PREFIX"].rpartition(":")[0] + f":{name}"
