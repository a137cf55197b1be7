"""Repairs what was missed, every ten minutes: releases, effects, ends of job runs and of machines that no event reported, late runs."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import lost_machines
import runtime
from batch import LOG
from contract import require
from job_run import JobRun
from job_services import ask, stop
from state.answers import OpenRun
from state.errors import UnknownStepType

ACTOR = "monitor"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What was found and repaired."""
    require(event, "schedule")
    found = runtime.state().repair(runtime.now())
    ended = _jobs(found.jobs)
    executions = sum(_execution(OpenRun.of(each)) for each in found.executions)
    report = {
        "released": found.released,
        "late": found.late,
        "jobs": ended,
        "executions": executions,
        "effects": runtime.perform_due(),
    }
    print(json.dumps(report))  # a line by itself: the template's metric filter reads `late` from it
    return report


def _jobs(unfinished: list[dict[str, Any]]) -> int:
    """Asks about job runs whose end should have been reported; stops those that should have been stopped. Gives how many have ended. A
    service that does not answer never keeps the rest from its turn."""
    ended = []
    for each in unfinished:
        job_run = JobRun.of(each)
        try:
            answer = ask(job_run)
        except (ClientError, BotoCoreError, UnknownStepType) as error:
            LOG.warning(json.dumps({"job_run_id": job_run.job_run_id, "reason": str(error)}))
            continue
        if answer.state is not None:
            ended.append({**each, "state": answer.state, "message": answer.message})
        elif each["stop"]:
            stop(job_run)
    if ended:
        runtime.state().record_job_states(ended, runtime.now())
    return len(ended)


def _execution(run: OpenRun) -> bool:
    """Asks about the execution of a run that nothing was received of. One that does not exist is started, and the end of one that ended is
    recorded."""
    arn = lost_machines.execution_arn(run)
    try:
        end = lost_machines.end_of(arn)
    except (ClientError, BotoCoreError) as error:
        LOG.warning(json.dumps({"execution": arn, "reason": str(error)}))
        return False
    if end is None:
        return False
    if end.unknown and run.status == "WAITING":  # an execution begins with the wait: this one never began
        runtime.state().start_again(run.run_id, run.attempt, runtime.now())
        return True
    return lost_machines.record(run, end, ACTOR)
