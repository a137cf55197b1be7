"""Repairs what was missed, every ten minutes while something is under way: releases, effects, ends of job runs and of machines that no event reported, late runs."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import lost_machines
import overdue
import runtime
import ticks
from batch import LOG
from clients import LONGEST_CALL, described, is_from_aws
from contract import require
from job_run import READY, JobRun, named_clusters
from job_services import ask, stop
from landed_files import Recorder
from reconcile import list_for_backfill, list_source
from state.answers import JobToAsk, Json, OpenRun
from state.calls import State
from state.errors import StateError, StateUnavailable, UnknownStepType
from step_types import Cluster, clusters

ACTOR = "monitor"
PAGE = 80
SHARE = 1 / 3  # of the time, for asking about job runs, and as much for executions; what is left is for effects

T = TypeVar("T")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What was found and repaired; `failed` is how many repairs failed here and not in AWS. One that fails keeps nothing else from its turn.
    With `at_once` in the event every open run and job run is asked about, also those of which something was received a moment ago.
    Raises `StateUnavailable`: without the state there is nothing to repair."""
    require(event, "schedule")
    tick = Tick(runtime.state(), runtime.now(), runtime.time_left(context), event.get("at_once", False))
    tick.repair()
    tick.end_overdue()
    tick.notify_at_risk()
    tick.follow_files()
    tick.learn_clusters()
    if tick.at_once:  # before the end of a lost machine's job makes an answer to it due, which has to be tried first
        tick.ask_about_executions()
    tick.ask_about_jobs()
    if not tick.at_once:
        tick.ask_about_executions()
    report = {**tick.counts, "effects": runtime.perform_due(context, tick.now)}
    ticks.set_next(tick.now)
    print(json.dumps(report))  # a line by itself: the template's metric filters read `late` and `failed` from it
    return report


@dataclass
class Tick:
    """One call of the monitor: its moment, the seconds it has left, and what it has repaired."""

    state: State
    now: datetime
    left: Callable[[], float]
    at_once: bool = False
    counts: Counter[str] = field(
        default_factory=lambda: Counter(
            released=0, late=0, at_risk=0, overdue=0, listed=0, backfilled=0, jobs=0, executions=0, failed=0
        ),
        init=False,
    )

    def __post_init__(self) -> None:
        self.state.record_tick(ACTOR, self.now)
        self._number = self.state.begin_tick()
        self._share = self.left() * SHARE

    def repair(self) -> None:
        """What the state repairs by itself."""
        try:
            found = self.state.repair(self.now)
        except StateUnavailable:
            raise
        except StateError as error:
            self._failed("the state", error)
            return
        self.counts.update(released=found.released, late=found.late)
        for reason in found.failures:
            self._failed("the state", StateError(reason))

    def notify_at_risk(self) -> None:
        """Runs that are expected to miss their SLA, of which somebody asks to be notified."""
        self._tried(lambda now: self.counts.update(at_risk=self.state.notify_at_risk(now)), self.now)

    def end_overdue(self) -> None:
        """Runs beyond a time that their metadata states, as far as the time allows: the next tick goes on."""
        self._as_time_allows(self.state.overdue_pipelines(self.now), overdue.end_pipeline)
        self._as_time_allows(self.state.overdue_waits(self.now), overdue.meet_deadline)

    def _as_time_allows(self, runs: list[Json], end: Callable[[State, Json, datetime], bool]) -> None:
        until = self.left() - self._share / 2
        for run in runs:
            if self.left() - LONGEST_CALL <= until:
                return
            self._tried(lambda each: self.counts.update(overdue=end(self.state, each, self.now)), run)

    def follow_files(self) -> None:
        """Sets of files that have settled, files of no source that have one now, what no event has reported, and what backfills take, as far as the time
        allows."""
        self._tried(lambda now: self.counts.update(released=self.state.settle_files(now)), self.now)
        self._tried(lambda now: self.counts.update(released=Recorder(self.state).rematch(now)[1]), self.now)
        until = self.left() - self._share / 2
        for each in self.state.sources_to_list(self.now):
            if self.left() - LONGEST_CALL > until:
                self._tried(self._list, each)
        for each in self.state.listings():
            if self.left() - LONGEST_CALL > until:
                self._tried(self._list_for_backfill, each)

    def _list(self, source: Json) -> None:
        self.counts.update(listed=list_source(self.state, source, self.now, self.left) or 0)

    def _list_for_backfill(self, listing: Json) -> None:
        until = self.left() - self._share / 2
        opened = list_for_backfill(self.state, listing, self.now, lambda: self.left() - until)
        self.counts.update(backfilled=opened or 0)

    def learn_clusters(self) -> None:
        """Records the clusters that nobody has recorded: a machine may have died between launching one and recording it. Those of a run that does
        not use one any more are terminated with the job runs."""
        if self.state.uses_clusters():
            for kind in clusters():
                self._tried(self._learn, kind)

    def _learn(self, kind: Cluster) -> None:
        self.state.record_clusters(named_clusters(kind.alive()), self.now)

    def ask_about_jobs(self) -> None:
        self._in_turn(
            lambda: self.state.jobs_to_ask(self._number, PAGE, self.at_once, self.now),
            lambda jobs: self.state.record_asked(self._number, [each.job_run_id for each in jobs], []),
            lambda job: self.counts.update(jobs=_job_ended(self.state, job, self.now)),
        )

    def ask_about_executions(self) -> None:
        self._in_turn(
            lambda: self.state.executions_to_ask(self._number, PAGE, self.at_once, self.now),
            lambda runs: self.state.record_asked(self._number, [], [str(each.run_id) for each in runs]),
            lambda run: self.counts.update(executions=_execution_repaired(self.state, run, self.now)),
        )

    def _in_turn(
        self, page_of: Callable[[], list[T]], record: Callable[[list[T]], None], repair: Callable[[T], None]
    ) -> None:
        """Goes through everything that the state names, page after page, first what no tick has asked about for longest, until all had its turn
        or the share of the time is over."""
        end = self.left() - self._share
        while page := page_of():
            asked = 0
            while asked < len(page) and self.left() - LONGEST_CALL > end:
                self._tried(repair, page[asked])
                asked += 1
            record(page[:asked])
            if asked < len(page):
                return

    def _tried(self, repair: Callable[[T], None], each: T) -> None:
        """Nothing that is wrong with one keeps the others from their turn."""
        try:
            repair(each)
        except StateUnavailable:
            raise
        except Exception as error:  # noqa: BLE001
            if is_from_aws(error) or isinstance(error, UnknownStepType):
                LOG.warning(json.dumps({"not_answered": str(each), "reason": described(error)}))
            else:
                self._failed(str(each), error)

    def _failed(self, what: str, error: Exception) -> None:
        LOG.error(json.dumps({"not_repaired": what, "reason": described(error)}))
        self.counts["failed"] += 1


def _job_ended(state: State, job: JobToAsk, now: datetime) -> bool:
    """Asks about a job run whose end should have been reported, and stops it if it should have been stopped. Whether it has ended."""
    job_run = JobRun(job.type, job.job, job.job_run_id, json.loads(job.handle))
    answer = ask(job_run)
    named = {"type": job.type, "job": job.job, "job_run_id": job.job_run_id}
    if answer.state is not None:
        state.record_job_states([{**named, "state": answer.state, "message": answer.message}], now)
    if answer.state in (None, READY):
        if job.stop:
            stop(job_run)
        return False
    return True


def _execution_repaired(state: State, run: OpenRun, now: datetime) -> bool:
    """Asks about the execution of a run that nothing was received of. One that does not exist is started, and the end of one that ended is
    recorded."""
    end = lost_machines.end_of(lost_machines.execution_arn(run))
    if end is None:
        return False
    if end.unknown and run.status == "WAITING":  # an execution begins with the wait: this one never began
        return state.start_again(run.run_id, run.attempt, now)
    return lost_machines.record(run, end, ACTOR, now)
