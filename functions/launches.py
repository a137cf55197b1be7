"""Job runs that were launched and may not be recorded: the machine ended, or the answer was lost, between the launch and its record."""

import json
from datetime import datetime
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

import clients
from batch import LOG
from job_run import JobRun, mark_of
from job_services import stop
from state.calls import State
from state.errors import ClusterLost, LaunchNotFound
from step_types import findable, on_cluster


def learn(state: State, run: UUID, attempt: int, now: datetime) -> None:
    """Records the job runs of the attempt that nobody has recorded, and how those ended whose end was not reported. A step whose service refuses to
    say anything is logged and left as it is. Raises botocore's error where a service does not answer: who asked asks again."""
    given = state.launches_of(run, attempt)
    if not given:
        return
    since, known = datetime.fromisoformat(given["since"]), set(given["known"])
    for step in given["steps"]:
        if kind := findable(step["type"]):
            named = {"type": step["type"], "job": step["job"]}
            mark = mark_of(run, attempt, step["step"])
            try:
                found = kind.launched(step["job"], step["settings"], mark, since)
            except (ClientError, BotoCoreError) as error:
                if clients.is_unanswered(error):
                    raise
                LOG.error(json.dumps({"launches_unknown": step["job"], "reason": clients.described(error)}))
                continue
            for each in found:
                if each.job_run_id not in known:
                    handle = {} if each.batch is None else {"batch": each.batch}
                    state.record_found(
                        run, attempt, step["step"], step["type"], step["job"], each.job_run_id, handle, now
                    )
                if each.state is not None:
                    ended = {**named, "job_run_id": each.job_run_id, "state": each.state, "message": each.message}
                    state.record_job_states([ended], now)


def stop_all(state: State, run: UUID, attempt: int, now: datetime) -> None:
    """Stops what still runs of the attempt, recorded or not."""
    learn(state, run, attempt, now)
    for each in state.stop_jobs_of(run, attempt, now):
        stop(JobRun.of(each))


def find(state: State, run: UUID, attempt: int, step: str, job_run: JobRun, batch: int | None = None) -> str:
    """The id of the job run whose launch, of that batch where the step has batches, was not answered. Raises `LaunchNotFound` if there is none, `ClusterLost` if there is nothing more that it could
    run on, and botocore's errors."""
    given, kind = state.launches_of(run, attempt), findable(job_run.type)
    steps = {each["step"]: each for each in given["steps"]} if given else {}
    if given and kind and step in steps:
        since, known = datetime.fromisoformat(given["since"]), set(given["known"])
        for each in kind.launched(job_run.job, steps[step]["settings"], mark_of(run, attempt, step, batch), since):
            if each.job_run_id not in known:
                return each.job_run_id
        if (clustered := on_cluster(job_run.type)) and (end := clustered.lost(steps[step]["settings"])):
            raise ClusterLost(f"{job_run.job} was not launched: {end}")
    raise LaunchNotFound(f"{job_run.job} has no run of this attempt that is not known")
