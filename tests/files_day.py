"""A day of products of files, whose processes go on one step at a time: deliveries, executions and those of their batches, job runs, ticks. Each step is a call of a function,
as AWS makes it, in which a worker may die; what dies is called again by whoever repeats such a call."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

import file_batches
import landed_files
import lost_machines
import reconcile
import runtime
import ticks
from effects import Performer
from headgate_jobs.batch import Batch
from state.errors import FilesFailed, FilesRejected, FilesRemain, StateError, StateUnavailable, WavesExhausted
from step_types import glue
from tests.disk_aws import JOB, Facts
from tests.files_oracle import Oracle, Put
from tests.handler_steps import invoke, queue
from tests.memory_aws import MemoryAws
from tests.state_files import BUCKET
from tests.state_world import World, at
from tests.unreliable_aws import WorkerDiedError

ENDS = (StateError, FilesFailed, FilesRejected, FilesRemain, WavesExhausted)
PAGE = 3  # versions that S3 lists at once


@dataclass
class Process:
    """An execution, of a run or of a batch. A step gives whether it got on."""

    name: str
    steps: Iterator[bool]
    alive: bool = True

    def step(self) -> bool:
        try:
            return next(self.steps)
        except StopIteration:
            self.alive = False
            return True

    def die(self) -> None:
        self.alive = False
        self.steps.close()  # type: ignore[attr-defined]


@dataclass
class Job:
    """A job run, which has read its manifest."""

    name: str
    batch: Batch
    planned_at: int
    stop_asked: bool = False

    @property
    def versions(self) -> list[str]:
        return [str(each.version_id) for each in self.batch.files]


class FilesDay:
    """`dies_in`: how many calls of the state from now on a worker dies; `dies_after`: once that call is done, and not before it."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.world, self.oracle, self.aws = world, Oracle(), MemoryAws()
        self.now: datetime = at("2026-11-20 06:00")
        self.step = 0
        self.machines: dict[str, Process] = {}
        self.children: dict[str, list[Process]] = defaultdict(list)  # by the ARN of their machine
        self.jobs: dict[str, Job] = {}
        self.events: list[Facts] = []  # of ends of job runs, on their way
        self.dies_in: int | None = None
        self.dies_after = False
        self._entered = 0
        self.aws.listed, self.aws.stopped = self._versions, self._stop
        for module, name in (
            (glue, "glue"), (ticks, "scheduler"), (lost_machines, "machines"), (file_batches, "s3"), (landed_files, "objects"), (reconcile, "objects"),
        ):  # fmt: skip
            patch.setattr(module, name, lambda: self.aws)
        patch.setattr(ticks, "_seen", {})
        patch.setattr(runtime, "database", lambda: world.database)
        patch.setattr(runtime, "state", lambda: world.state)
        performer = Performer(world.state, self.aws.client)
        patch.setattr(runtime, "performer", lambda: performer)
        patch.setattr(runtime, "now", lambda: self.now)
        patch.setenv("BATCHES_BUCKET", "batches")
        for operation in ("call", "rows"):
            patch.setattr(world.database, operation, self._mortal(getattr(world.database, operation)))

    def _mortal(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **more: Any) -> Any:
            dies = self.dies_in == 0
            self.dies_in = None if dies or self.dies_in is None else self.dies_in - 1
            if dies and not self.dies_after:
                raise WorkerDiedError
            answer = call(*given, **more)
            if dies:
                raise WorkerDiedError
            return answer

        return called

    # What AWS does

    def call(self, function: str, event: Facts) -> Any:
        """Once more if the worker died."""
        self.step += 1
        try:
            return invoke(function, event)
        except WorkerDiedError:
            return invoke(function, event)

    def put(self, product: str, key: str, size: int, nature: str, lane: str = "", place: int = 0) -> Put:
        self.now += timedelta(seconds=2)
        put = Put(product, key, len(self.oracle.puts) + 1, size, nature, lane, place)
        self.oracle.put(put)
        self.aws.put_at[put.version] = self.now
        return put

    def report(self, *puts: Put, kind: str = "ObjectCreated:Put") -> None:
        """The notification of each comes."""
        messages = (self._notification(each, kind) for each in puts)
        assert self.call("landing", queue(*messages)) == {"batchItemFailures": []}
        self.adopt()

    def _notification(self, put: Put, kind: str) -> Facts:
        item = {
            "key": put.key,
            "size": put.size,
            "eTag": f"e{put.number}",
            "sequencer": f"{put.number:04X}",
            "versionId": put.version,
        }
        when = self.aws.put_at[put.version].strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return {"Records": [{"eventName": kind, "eventTime": when, "s3": {"bucket": {"name": BUCKET}, "object": item}}]}

    def _versions(self, prefix: str, after: tuple[str, str] | None) -> Iterator[list[Facts]]:
        """The pages of the versions in the bucket after that one, as S3 lists them: of each key the newest first."""
        found = sorted(
            (each for each in self.oracle.puts.values() if each.key.startswith(prefix)),
            key=lambda each: (each.key, -each.number),
        )
        if after:
            found = found[[(each.key, each.version) for each in found].index(after) + 1 :]
        for start in range(0, len(found), PAGE):
            yield [
                {"Key": each.key, "VersionId": each.version, "ETag": f'"e{each.number}"', "Size": each.size, "LastModified": self.aws.put_at[each.version]}
                for each in found[start : start + PAGE]
            ]  # fmt: skip

    def _stop(self, job_run: str) -> None:
        if job_run in self.jobs:
            self.jobs[job_run].stop_asked = True

    def tick(self, minutes: int = 61) -> None:
        """The scheduler opens what is due, and the monitor has its turn."""
        self.now += timedelta(minutes=minutes)
        for function in ("scheduler", "monitor"):
            assert self.call(function, {}).get("failed") in (0, [])
        self.adopt()

    def adopt(self) -> None:
        """Executions begin that were started. What the state knows of is looked up."""
        for arn, given in self.aws.executions().items():
            if arn not in self.machines:
                run = {key: given[key] for key in ("run_id", "attempt")}
                self.machines[arn] = Process(arn, self._ended(arn, self._machine(arn, run)))
        for (version,) in self.world.sql("SELECT version_id FROM landing_file"):
            self.oracle.recorded.setdefault(version, self.step)

    # Executions

    def _ended(self, arn: str, steps: Iterator[bool]) -> Iterator[bool]:
        yield from steps
        self.aws.do("ends", arn=arn, status="SUCCEEDED")

    def _machine(self, arn: str, run: Facts) -> Iterator[bool]:
        try:
            yield from self._pipeline(arn, run)
        except ENDS as error:
            yield True
            ended = {"status": "ERROR", **run, "error": type(error).__name__, "cause": str(error)}
            with suppress(StateError):
                yield from self._asked("outcome_recorder", ended)
            return
        yield True
        done = yield from self._asked("outcome_recorder", {"status": "COMPLETED", **run})
        yield True
        self.aws.put_events([{"Detail": json.dumps(done["detail"], default=str)}])

    def _pipeline(self, arn: str, run: Facts) -> Iterator[bool]:
        token = f"wait {arn}"
        yield from self._asked("dependency_gate", {"action": "await", **run, "task_token": token, "execution_arn": arn})
        while token not in self.aws.answers():
            yield False
        yield True
        yield from self._asked("pipeline_configuration", {**run, "execution_arn": arn})
        while True:
            yield True
            self._entered += 1
            entered = {"action": "plan", **run, "step": "load", "entered_at": f"moment {self._entered}"}
            planned = yield from self._asked("file_batches", entered)
            if planned["decision"] == "done":
                return
            planned_at = self.step
            self.children[arn] = [
                Process(str(each["batch_id"]), self._child(run, each, planned_at)) for each in planned["batches"]
            ]
            while any(each.alive for each in self.children[arn]):
                yield False

    def _child(self, run: Facts, batch: Facts, planned_at: int) -> Iterator[bool]:
        of_batch = {**run, "step": "load", "batch_id": batch["batch_id"]}
        yield True
        name = self.aws.start_job_run(batch["batch_id"], batch["arguments"])
        argv = ["job.py", *(part for each in batch["arguments"].items() for part in each), "--JOB_RUN_ID", name]
        self.jobs[name] = Job(name, Batch.of_arguments(argv, self.aws), planned_at)
        yield True
        token = f"job {name}"
        awaited = {"action": "await", **of_batch, "type": "glue", "job": JOB, "job_run_id": name, "task_token": token}
        try:
            yield from self._asked("job_tracker", awaited)
            while token not in self.aws.answers():
                yield False
            ended: Facts = {"action": "record", **of_batch, "job_run_id": name}
            if not self.aws.answers()[token]:
                ended = {"action": "fail", **of_batch, "error": "JobFailed", "cause": "it crashed"}
        except Exception as error:  # noqa: BLE001 - as `States.ALL` does
            ended = {"action": "fail", **of_batch, "error": type(error).__name__, "cause": str(error)}
        yield True
        with suppress(StateError):
            yield from self._asked("file_batches", ended)

    def _asked(self, function: str, event: Facts) -> Any:
        """The answer of the call, which is repeated while the state asks for that."""
        while True:
            try:
                answer = self.call(function, event)
            except StateUnavailable:
                yield False
            else:
                self.adopt()
                return answer

    def break_off(self, arn: str) -> None:
        """The execution breaks, with those of its batches. Their job runs go on."""
        for each in (self.machines[arn], *self.children[arn]):
            each.die()
        self.aws.do("ends", arn=arn, status="FAILED", error="States.Runtime", cause="the engine")

    # Job runs

    def work(self, name: str, dies_at: int | None = None, obeys: bool = True) -> None:
        """The job run comes to its end; of one that is to stop it may be too late. It dies before its file with that number."""
        job = self.jobs.pop(name)
        state, said = "SUCCEEDED", list[str]()
        if job.stop_asked and obeys:
            state = "STOPPED"
        elif not self._load(job, dies_at, said):
            state = "FAILED"
        else:
            job.batch.save()
        self.aws.do("job ends", id=name, state=state)
        if state == "SUCCEEDED":
            self.oracle.succeeded(said)
        detail = {"jobName": JOB, "jobRunId": name, "state": state, "message": ""}
        self.events.append({"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": detail})

    def _load(self, job: Job, dies_at: int | None, said: list[str]) -> bool:
        self._check_alone(job)
        for nth, file in enumerate(job.batch):
            version = str(file.version_id)
            nature = self.oracle.found_in(version)
            if nature == "poison" or nth == dies_at:
                return False
            if nature == "mute":
                continue
            with file:
                if nature == "good":
                    self.oracle.load(version, file.late, job.planned_at, said)
                    file.processed(rows_read=1, rows_written=1)
                    said.append(version)
                elif nature == "bad":
                    file.rejected("the content is wrong")
                else:
                    file.failed("it could not be read", retry=nature != "refused")
        return True

    def _check_alone(self, job: Job) -> None:
        """No other job run has a version of one of its objects."""
        keys = {self.oracle.puts[each].key for each in job.versions}
        for other in self.jobs.values():
            both = keys & {self.oracle.puts[each].key for each in other.versions}
            assert not both, f"{job.name} and {other.name} load {both} at once"

    def deliver(self, lost: bool = False) -> None:
        """The oldest event of the end of a job run comes, or never does."""
        event = self.events.pop(0)
        if not lost:
            self.call("job_status", queue(event))

    # All of it

    def get_on(self) -> bool:
        """Everything that can goes one step on, without faults. Whether anything did."""
        moved = False
        for name in [*self.jobs]:
            self.work(name)
            moved = True
        while self.events:
            self.deliver()
            moved = True
        for each in [*self.machines.values(), *(one for some in self.children.values() for one in some)]:
            moved |= each.alive and each.step()
        self.adopt()
        return moved

    def come_to_rest(self) -> None:
        """Nothing gets on any more, however many ticks pass."""
        quiet = 0
        for _ in range(400):
            if self.get_on():
                quiet = 0
                continue
            self.tick()
            quiet += 1
            if quiet == 3:
                return
        raise AssertionError("the day does not come to rest")
