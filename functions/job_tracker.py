"""Keeps the record of job runs for the machines: their start, the task token that their end answers, their end."""

import json
import re
from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

import launches
import runtime
from batch import LOG
from clients import described
from contract import require, shown
from job_run import FAILED, READY, STOPPED, SUCCEEDED, TIMEOUT, JobRun
from job_services import ask, stop
from message_body import read
from state import errors
from step_types import is_cluster

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)  # of what is passed on, as placeholders name it
MOST = 16 * 1024  # characters
RAISED = {FAILED: errors.JobFailed, TIMEOUT: errors.JobTimedOut, STOPPED: errors.JobStopped}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`await` records a job run and the token to answer. `resolve` asks its service: returns if it succeeded, and else raises how it
    ended. `join` answers the token when a shared cluster can be used, or has to be launched; `release` terminates the cluster of an
    attempt, a shared one if nobody needs it any more. `find` gives the job run of a launch that was not answered, or raises `LaunchNotFound` or `ClusterLost`. `start` and `end` record work whose end the machine itself sees. `metadata` is a call of the work itself: what it gives is passed on
    with the refresh event. Each may be repeated.

    Raises `BadEvent`, `TooMuch`, `JobFailed`, `JobTimedOut`, `JobStopped`, `JobStillRunning`, `ClusterLost`, `LaunchRefused`, `StaleAttempt`, `IllegalTransition`, `UnknownRun`.
    """
    if event.get("action") == "metadata":
        return _pass_on(require(event, "job-metadata"))
    if event.get("action") == "find":
        return _find(require(event, "job-launch"))
    if event.get("action") == "join":
        return _join(require(event, "cluster-join"), context)
    if event.get("action") == "release":
        return _release(require(event, "cluster-release"))
    require(event, "job-tracker")
    if isinstance(event["job_run_id"], list):
        event = {**event, "job_run_id": _only(event)}
    if "batch_id" in event:
        event = {**event, "handle": {"batch": event["batch_id"]}}
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
            _take_from_answer(event)
            return {"state": event["state"]}
        case _:  # `settle` is the old name of `resolve`, for executions that the release before started
            return _resolve(event, job_run, context)


def _only(event: dict[str, Any]) -> str:
    """The id of the job run that was launched."""
    if event["job_run_id"]:
        return str(event["job_run_id"][0])
    reasons = ", ".join(map(str, event.get("refused", ()))) or "no reason given"
    raise errors.LaunchRefused(f"{event['type']} has started nothing for {event['job']}: {reasons}")


def _find(event: dict[str, Any]) -> dict[str, Any]:
    job_run, batch = JobRun(event["type"], event["job"], ""), event.get("batch_id")
    try:
        found = launches.find(runtime.state(), UUID(event["run_id"]), event["attempt"], event["step"], job_run, batch)
    except (ClientError, BotoCoreError) as error:
        raise errors.StateUnavailable(f"the launch of {job_run.job} is not known: {described(error)}") from None
    return {"job_run_id": found}


def _pass_on(event: dict[str, Any]) -> dict[str, Any]:
    """All that the attempt passes on by now."""
    if wrong := [name for name in event["metadata"] if not NAME.fullmatch(name)]:
        raise errors.BadEvent(
            f"job-metadata: /metadata has the name {shown(wrong[0])}; a name is a word such as row_count, of at most 64 characters"
        )
    given = read(json.dumps(event["metadata"]), MOST)  # what a consumer would refuse in an event is refused here
    return {"metadata": runtime.state().record_metadata(UUID(event["run_id"]), event["attempt"], given)}


def _take_from_answer(event: dict[str, Any]) -> None:
    """What a function or the states of a definition return as `metadata` is passed on. Many functions return what is not meant for this, so nothing of it
    fails the step. Of a definition it comes as a list of one, or of none."""
    answer = event.get("answer")
    metadata = answer.get("metadata") if isinstance(answer, dict) else None
    if event["type"] == "definition" and isinstance(metadata, list):
        metadata = metadata[0] if metadata else None
    if not isinstance(metadata, dict):
        return
    given = {
        "action": "metadata",
        **{key: event[key] for key in ("run_id", "attempt", "step")},
        "metadata": metadata,
    }
    try:
        _pass_on(require(given, "job-metadata"))
    except (errors.BadEvent, errors.TooMuch) as error:
        LOG.error(json.dumps({"metadata_refused": event["run_id"], "step": event["step"], "reason": str(error)}))


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


def _join(event: dict[str, Any], context: Any) -> dict[str, Any]:
    run = UUID(event["run_id"])
    decision = runtime.state().join_cluster(run, event["attempt"], event["cluster"], event["task_token"], runtime.now())
    runtime.perform_of_run(context, run)
    return {"decision": decision}


def _release(event: dict[str, Any]) -> dict[str, Any]:
    """The clusters of the attempt are recorded as ones to stop first: what EMR does not do now, the monitor repeats."""
    released = runtime.state().release_clusters(UUID(event["run_id"]), event["attempt"], runtime.now())
    for each in released:
        stop(JobRun.of(each))
    return {"released": [each["job_run_id"] for each in released]}


def _resolve(event: dict[str, Any], job_run: JobRun, context: Any) -> dict[str, Any]:
    """Asks the service and records what it answers. What still runs is stopped: its time is over, and a retry must not run beside it. With `stops`
    the machine asks again until it has stopped, and that is the time-out."""
    answer = ask(job_run)
    named = f"{job_run.job} ({job_run.job_run_id})"
    if answer.state == READY:
        _record(event, job_run, context, READY, "")
        return {"state": READY, "job_run_id": job_run.job_run_id}
    if answer.state is None:
        if runtime.state().request_stop(job_run.job_run_id, runtime.now()):
            stop(job_run)
        raise errors.JobStillRunning(f"{named} still runs after its time; it is asked to stop")
    _record(event, job_run, context, answer.state, answer.message)
    if answer.lost or is_cluster(job_run.type):
        raise errors.ClusterLost(f"{named} is not available: {answer.message}")
    if answer.state == STOPPED and event.get("stops") and event.get("error") != "JobStopped":
        raise errors.JobTimedOut(f"{named} was stopped: it did not end within the time-out of the step")
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
