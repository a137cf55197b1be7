"""Job status processor: the end of a job run answers the machine that waits for it, and the end of a machine that recorded no outcome is
recorded. In shadow the job runs of the existing scheduler are. From the default bus's queue."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

import batch
import existing_runs
import launches
import lost_machines
import runtime
from contract import require, shown
from job_run import FAILED, Ended, JobRun
from lost_machines import MachineEnd
from message_body import MAX_EVENT, MAX_SIGNAL
from state.answers import OpenRun
from state.errors import BadEvent
from step_types import step_type, step_types

MACHINE_ENDED = "Step Functions Execution Status Change"
UNSUCCESSFUL = ("FAILED", "TIMED_OUT", "ABORTED")
ACTOR = "job status"
SEEN = "seen"  # the key of what is parsed of a job run of the existing scheduler


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The messages to deliver again."""
    most = MAX_SIGNAL if existing_runs.in_shadow() else MAX_EVENT  # then executions of others come as well
    return batch.process(event, context, parse, record, most)


def parse(body: dict[str, Any]) -> batch.Parsed | None:
    """The end of a job run or of an execution, or {seen}, a job run of the existing scheduler; None for what is neither. Raises `BadEvent`."""
    if not isinstance(body.get("detail"), dict):
        raise BadEvent("/detail is missing or not an object")
    reported = (body.get("source"), body.get("detail-type"))
    if reported == ("aws.states", MACHINE_ENDED) and _is_of_headgate(body["detail"]):
        return _machine_end(body)
    if existing_runs.in_shadow() and (seen := existing_runs.reported(body)):
        return {SEEN: seen}
    kinds = [(name, kind) for name, kind in step_types().items() if reported == (kind.SOURCE, kind.DETAIL_TYPE)]
    if not kinds:
        raise BadEvent(f"no step type has the event {shown(reported[1])} of {shown(reported[0])}")
    ends = [{"type": name, **_given(ended)} for name, kind in kinds if (ended := kind.ended(body["detail"]))]
    return ends[0] if ends else None


def _given(ended: Ended) -> dict[str, Any]:
    return {key: value for key, value in asdict(ended).items() if value is not None}


def _is_of_headgate(detail: dict[str, Any]) -> bool:
    """Whether the machine is one of ours, and not one that a step starts, nor a Map of ours, whose children have the ARN of the machine and a label."""
    machine = str(detail.get("stateMachineArn"))
    return machine.startswith(os.environ["STATE_MACHINE_ARN_PREFIX"]) and "/" not in machine


def _machine_end(body: dict[str, Any]) -> batch.Parsed | None:
    """Found by its name, which says the attempt: its input is withheld when it is long."""
    detail = require(body, "execution-status-change")["detail"]
    prefix = os.environ["STATE_MACHINE_ARN_PREFIX"]
    if detail["status"] not in UNSUCCESSFUL:
        return None
    end = MachineEnd(detail["status"], detail.get("error"), detail.get("cause"))
    return {"machine": detail["stateMachineArn"].removeprefix(prefix), "name": detail["name"], "end": end}


def record(parsed: list[batch.Parsed], now: datetime) -> dict[int, str]:
    """Records the ends. Each may be recorded again. It refuses none. A machine that was stopped because its run was cancelled may have launched
    work that nobody has recorded, which is stopped."""
    if found := [each[SEEN] for each in parsed if SEEN in each]:
        existing_runs.record(runtime.state(), found, now)
    jobs = [*_with_reasons([each for each in parsed if "job_run_id" in each])]
    if jobs:
        runtime.state().record_job_states(jobs, now)
    ends = {(each["machine"], each["name"]): each["end"] for each in parsed if "machine" in each}
    executions = [{"machine": machine, "name": name} for machine, name in ends]
    for run in runtime.state().open_runs_of(executions) if executions else ():
        assert run.machine is not None, "it was found by its machine"
        end = _with_error(run, ends[run.machine, run.name])
        try:
            lost_machines.record(run, end, ACTOR, now)
        except (ClientError, BotoCoreError) as error:  # the monitor finds it again
            batch.LOG.warning(json.dumps({"execution": run.name, "reason": str(error)}))
    stopped = [each for each in executions if ends[each["machine"], each["name"]].status == "ABORTED"]
    for each in runtime.state().cancelled_attempts_of(stopped) if stopped else ():
        try:
            launches.stop_all(runtime.state(), UUID(each.run_id), each.attempt, now)
        except (ClientError, BotoCoreError) as error:
            batch.LOG.error(json.dumps({"launches_unknown": each.run_id, "reason": str(error)}))
    return {}


def _with_reasons(jobs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The ends of job runs with their reasons, asked of the service where the event of a failure does not name one. After a service that does not
    answer none is asked: the ends count, and must not be late for their reasons."""
    answers = True
    for job in jobs:
        if not answers or job["message"] or job["state"] != FAILED:
            yield job
            continue
        try:
            yield job | {"message": step_type(job["type"]).ask(JobRun.of(job)).message}
        except (ClientError, BotoCoreError) as error:
            answers = False
            batch.LOG.warning(json.dumps({"job_run_id": job["job_run_id"], "reason": str(error)}))
            yield job


def _with_error(run: OpenRun, end: MachineEnd) -> MachineEnd:
    """The end with its error, asked of Step Functions where the event does not name it."""
    if end.error is not None or end.status != "FAILED":
        return end
    try:
        return lost_machines.end_of(lost_machines.execution_arn(run)) or end
    except (ClientError, BotoCoreError) as error:
        batch.LOG.warning(json.dumps({"execution": run.name, "reason": str(error)}))
        return end
