"""A day of products of files, whose processes go on one step at a time: deliveries, executions and those of their batches, job runs, ticks. Each step is a call of a function,
as AWS makes it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from headgate_jobs.batch import Batch
from state.errors import FilesFailed, FilesRejected, FilesRemain, StateError, StateUnavailable, WavesExhausted
from tests.disk_aws import JOB, Facts
from tests.files_aws import FilesAws, Job, Process
from tests.handler_steps import queue

ENDS = (StateError, FilesFailed, FilesRejected, FilesRemain, WavesExhausted)


class FilesDay(FilesAws):
    """Executions and job runs, each with its own pace."""

    def execution(self, arn: str, run: Facts) -> Iterator[bool]:
        return self._ended(arn, self._machine(arn, run))

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
