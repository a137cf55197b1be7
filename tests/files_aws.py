"""AWS around a day of products of files: what S3, EventBridge and Glue do, and calls of functions in which a worker may die; what dies is called again by whoever
repeats such a call."""

from collections import defaultdict
from collections.abc import Callable, Iterator
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
from step_types import glue
from tests.disk_aws import Facts
from tests.files_oracle import Oracle, Put
from tests.handler_steps import invoke, queue
from tests.memory_aws import MemoryAws
from tests.state_files import BUCKET
from tests.state_world import World, at
from tests.unreliable_aws import WorkerDiedError

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


class FilesAws:
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
        latest = {each.key: each.version for each in reversed(found)}
        if after:
            found = found[[(each.key, each.version) for each in found].index(after) + 1 :]
        for start in range(0, len(found), PAGE):
            yield [
                {"Key": each.key, "VersionId": each.version, "IsLatest": latest[each.key] == each.version, "ETag": f'"e{each.number}"', "Size": each.size, "LastModified": self.aws.put_at[each.version]}
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
                self.machines[arn] = Process(arn, self.execution(arn, run))
        for (version,) in self.world.sql("SELECT version_id FROM landing_file"):
            self.oracle.recorded.setdefault(version, self.step)

    def execution(self, arn: str, run: Facts) -> Iterator[bool]:
        """The steps of an execution of a run's machine."""
        raise NotImplementedError
