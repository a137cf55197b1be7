"""Repairs what was missed, every ten minutes: releases, effects, jobs whose end nobody heard, machines that died, late runs."""

import json
import os
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import runtime
from batch import LOG
from contract import require
from job_tracker import ask
from state.database import Typed
from state.errors import StateError

# Of the errors Step Functions itself gives, those that a task can end with; any other means that the machine broke, not its work.
OF_TASKS = ("States.TaskFailed", "States.Timeout", "States.HeartbeatTimeout")
RESTARTS = 2  # of one run, so that a machine which breaks each time comes to an end


@cache
def machines() -> Any:
    return boto3.client("stepfunctions")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What was found and mended."""
    require(event, "schedule")
    found = runtime.database().call("repair", runtime.now())
    heard = _jobs(found["jobs"])
    mended = sum(_execution(each) for each in found["executions"])
    effects = runtime.perform_due()
    report = {
        "released": found["released"],
        "late": found["late"],
        "jobs": heard,
        "executions": mended,
        "effects": effects,
    }
    print(json.dumps(report))  # a line by itself: the template's metric filter reads `late` from it
    return report


def _jobs(unheard: list[dict[str, Any]]) -> int:
    """Asks Glue about jobs that should have been heard of."""
    ended = []
    for each in unheard:
        try:
            state, message = ask(each["job"], each["job_run_id"])
        except (ClientError, BotoCoreError) as error:
            if _code(error) != "EntityNotFoundException":
                LOG.warning(json.dumps({"job_run_id": each["job_run_id"], "reason": str(error)}))
                continue
            state, message = "FAILED", "Glue does not know this run any more"
        if state is not None:
            ended.append({**each, "state": state, "message": message})
    if ended:
        runtime.database().call("record_job_states", ended, runtime.now())
    return len(ended)


def _execution(silent: dict[str, Any]) -> bool:
    """Looks at the machine of a run that nothing has been heard of. One that is gone is started again or its end recorded."""
    execution, run, attempt = silent["execution"], Typed(silent["run_id"], "uuid"), silent["attempt"]
    prefix = os.environ["STATE_MACHINE_ARN_PREFIX"]
    arn = f"{prefix.replace(':stateMachine:', ':execution:')}{execution['machine']}:{execution['name']}"
    try:
        described = machines().describe_execution(executionArn=arn)
    except (ClientError, BotoCoreError) as error:
        if _code(error) != "ExecutionDoesNotExist":
            LOG.warning(json.dumps({"execution": arn, "reason": str(error)}))
            return False
        if silent["status"] == "WAITING":
            runtime.database().call("start_again", run, attempt, runtime.now())
        else:  # an execution begins with the wait, which is over for this attempt
            runtime.database().call(
                "restart_lost",
                run,
                attempt,
                "ExecutionLost",
                "Step Functions does not know it",
                RESTARTS,
                runtime.now(),
            )
        return True
    if described["status"] == "RUNNING":
        return False
    name = described.get("error") or described["status"]
    cause = described.get("cause") or f"the execution ended {described['status']} without recording an outcome"
    try:
        if described["status"] == "FAILED" and name.startswith("States.") and name not in OF_TASKS:
            runtime.database().call("restart_lost", run, attempt, name, cause, RESTARTS, runtime.now())
        else:
            runtime.database().call("record_outcome", run, attempt, "ERROR", name, cause, runtime.now(), "monitor")
    except StateError as error:  # its own machine was faster after all
        LOG.warning(json.dumps({"execution": arn, "reason": str(error)}))
        return False
    return True


def _code(error: Exception) -> str | None:
    """AWS's code for the error; None where AWS was not reached. One service that is away never keeps the rest from its turn."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else None
