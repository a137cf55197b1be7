"""Keeps the record of job runs for the machines: their start, the task token that their end answers, their end."""

from typing import Any
from uuid import UUID

import runtime
from contract import require
from job_run import FAILED, STOPPED, SUCCEEDED, TIMEOUT, JobRun
from job_services import ask, stop
from state import errors

RAISED = {FAILED: errors.JobFailed, TIMEOUT: errors.JobTimedOut, STOPPED: errors.JobStopped}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`await` records a job run and the token to answer. `resolve` asks its service: returns if it succeeded, and else raises how it
    ended. `start` and `end` record work whose end the machine itself sees. Each may be repeated.

    Raises `JobFailed`, `JobTimedOut`, `JobStopped`, `JobStillRunning`, `StaleAttempt`, `IllegalTransition`, `UnknownRun`.
    """
    require(event, "job-tracker")
    job_run = JobRun.of(event)
    match event["action"]:
        case "await":
            return _await(event, job_run, context)
        case "start":
            state = runtime.state().record_invocation(*_named(event, job_run), event["timeout"], runtime.now())
            return {"state": state, "job_run_id": job_run.job_run_id}  # which the machine keeps for `end`
        case "end":
            message = ": ".join(filter(None, (event.get("error"), event.get("cause"))))
            reported = {key: event.get(key) for key in ("run_id", "attempt", "step", "error")}
            _record(event, job_run, context, event["state"], message, **reported)
            return {"state": event["state"]}
        case _:  # `settle` is the old name of `resolve`, for executions that the release before started
            return _resolve(event, job_run, context)


def _named(event: dict[str, Any], job_run: JobRun) -> tuple[UUID, int, str, str, str, str, dict[str, Any]]:
    """The run, attempt and step, and the job run: how both calls that record a start begin."""
    place = UUID(event["run_id"]), event["attempt"], event["step"]
    return *place, job_run.type, job_run.job, job_run.job_run_id, job_run.handle


def _await(event: dict[str, Any], job_run: JobRun, context: Any) -> dict[str, Any]:
    started = runtime.state().record_job_start(*_named(event, job_run), event["task_token"], runtime.now())
    runtime.perform_of_run(context, UUID(event["run_id"]))
    if started.refused:
        stop(job_run)
        name, _, message = started.refused.partition(": ")
        raise errors.RAISED[name](message)
    return {"state": started.state}


def _resolve(event: dict[str, Any], job_run: JobRun, context: Any) -> dict[str, Any]:
    """Asks the service and records what it answers. What still runs is stopped: its time is over, and a retry must not run beside it."""
    answer = ask(job_run)
    named = f"{job_run.job} ({job_run.job_run_id})"
    if answer.state is None:
        if runtime.state().request_stop(job_run.job_run_id, runtime.now()):
            stop(job_run)
        raise errors.JobStillRunning(f"{named} still runs after its time; it is asked to stop")
    _record(event, job_run, context, answer.state, answer.message)
    if answer.state != SUCCEEDED:
        raise RAISED[answer.state](f"{named} ended {answer.state}: {answer.message}")
    return {"state": answer.state}


def _record(event: dict[str, Any], job_run: JobRun, context: Any, state: str, message: str, **reported: Any) -> None:
    ended = {
        "type": job_run.type,
        "job": job_run.job,
        "job_run_id": job_run.job_run_id,
        "state": state,
        "message": message,
    }
    runtime.state().record_job_states([{**ended, **reported}], runtime.now())
    runtime.perform_of_run(context, UUID(event["run_id"]))
