"""The machine of a product of files as Step Functions plays it, its job runs and what AWS delivers: what is killed is called again."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headgate_jobs.batch import Batch
from state.errors import StateUnavailable
from tests.disk_aws import JOB, DiskAws, Facts
from tests.handler_steps import invoke, queue
from tests.killing import Kill
from tests.state_world import World, at


class MachineDiedError(Exception):
    """The execution is lost, or one of a batch."""


class WaitsError(Exception):
    """The execution waits for its token to be answered."""


@dataclass
class Engine:
    """Plays everything that AWS does until the run has ended: deliveries, executions, job runs, ticks. `machine_dies`, `child_dies`: before which of its actions the
    first execution, the first execution of a batch. Then its job run goes on, and nobody is told of the end of the machine."""

    world: World
    aws: DiskAws
    kill: Kill | None = None
    machine_dies: int | None = None
    child_dies: int | None = None
    now: datetime = field(default_factory=lambda: at("2026-11-20 06:00"))
    actions: Counter[str] = field(default_factory=Counter)
    _played: set[str] = field(default_factory=set)
    _entered: int = 0

    def call(self, function: str, event: Facts) -> Any:
        """As Lambda is called by who repeats a call that broke off."""
        if self.kill:
            self.kill.calls(function, lambda: invoke(function, event))
        answer = invoke(function, event)
        return json.loads(json.dumps(answer, default=str))

    def deliver(self, bodies: list[Facts]) -> None:
        assert self.call("landing", queue(*bodies)) == {"batchItemFailures": []}

    def play(self, rounds: int = 12) -> None:
        """To the end of the run, and two ticks longer: what was left undone is made up for by then."""
        for _ in range(rounds):
            for arn in [each for each in self.aws.executions() if each not in self._played]:
                self._execute(arn)
            self._end_job_runs()
            self._tick()
            if self.world.sql("SELECT count(*) FROM data_product_status WHERE status = 'COMPLETED'") == [(1,)]:
                break
        self._tick()

    def _tick(self) -> None:
        self.now += timedelta(minutes=30)
        self.call("monitor", {})
        for each in self.refreshes():
            self.world.event(
                "raw/positions", each["business_date"], self.now, run_id=each["run_id"], attempt=each["attempt"]
            )

    def refreshes(self) -> list[Facts]:
        """What was published of completed attempts."""
        found = [each["detail"] for each in self.aws.done("events")]
        return [each for each in found if each["status"] == "COMPLETED"]

    def _execute(self, arn: str) -> None:
        run = {key: self.aws.executions()[arn][key] for key in ("run_id", "attempt")}
        status: Facts = {"status": "SUCCEEDED"}
        first = not self._played
        try:
            for _ in self._machine(arn, run):
                self._act("machine", self.machine_dies if first else None)
        except MachineDiedError:
            status = {"status": "FAILED", "error": "States.Runtime", "cause": "the engine"}
        except WaitsError:
            return
        self._played.add(arn)
        self.aws.do("ends", arn=arn, **status)

    def _act(self, who: str, dies: int | None) -> None:
        self.actions[who] += 1
        if self.actions[who] == dies:
            raise MachineDiedError

    def _machine(self, arn: str, run: Facts) -> Iterator[None]:
        """A step each."""
        token = f"wait {run['attempt']}"
        yield
        if token not in self.aws.answers():
            self.call("dependency_gate", {"action": "await", **run, "task_token": token, "execution_arn": arn})
            if token not in self.aws.answers():
                raise WaitsError
        yield
        self.call("pipeline_configuration", {**run, "execution_arn": arn})
        while True:
            yield
            self._entered += 1
            planned = self._plan({"action": "plan", **run, "step": "load", "entered_at": f"moment {self._entered}"})
            if planned["decision"] == "done":
                break
            for batch in planned["batches"]:
                with suppress(MachineDiedError):
                    for _ in self._child(run, batch):
                        self._act("child", self.child_dies)
        yield
        ended = self.call("outcome_recorder", {"status": "COMPLETED", **run})
        yield
        self.aws.put_events([{"Detail": json.dumps(ended["detail"])}])

    def _plan(self, event: Facts) -> Facts:
        """Asked again, as the machine does, while the work of a broken execution still runs."""
        for _ in range(5):
            try:
                answer: Facts = self.call("file_batches", event)
                return answer
            except StateUnavailable:
                self._end_job_runs()
                self._tick()
        raise AssertionError("the plan waits for ever")

    def _child(self, run: Facts, batch: Facts) -> Iterator[None]:
        of_batch = {**run, "step": "load", "batch_id": batch["batch_id"]}
        yield
        name = self.aws.start_job_run(batch["batch_id"], batch["arguments"])
        yield
        token = f"job {name}"
        awaited = {"action": "await", **of_batch, "type": "glue", "job": JOB, "job_run_id": name, "task_token": token}
        self.call("job_tracker", awaited)
        yield
        self._run_job(name)
        yield
        if self.aws.answers()[token]:
            self.call("file_batches", {"action": "record", **of_batch, "job_run_id": name})
        else:
            self.call("file_batches", {"action": "fail", **of_batch, "error": "JobFailed", "cause": "killed"})
        yield

    def _end_job_runs(self) -> None:
        """Those that nobody waits for end as well."""
        for each in self.aws.done("jobs"):
            if self.aws.state_of(each["Id"]) == "RUNNING":
                self._run_job(each["Id"])

    def _run_job(self, name: str) -> None:
        (job,) = (each for each in self.aws.done("jobs") if each["Id"] == name)

        def work() -> None:
            arguments = [part for each in job["Arguments"].items() for part in each]
            with Batch.of_arguments(["job.py", *arguments, "--JOB_RUN_ID", name], self.aws) as batch:
                for file in batch:
                    with file:
                        self.aws.do("loads", version=f"{file.key} {file.version_id}", job_run=name)
                        file.processed(rows_read=1, rows_written=1)

        killed = bool(self.kill and self.kill.killed)
        if self.kill:
            self.kill.calls("job", work)
        died = bool(self.kill and self.kill.killed and not killed)
        if not died:
            work()
        state = "FAILED" if died else "SUCCEEDED"
        self.aws.do("job ends", id=name, state=state)
        detail = {"jobName": JOB, "jobRunId": name, "state": state, "message": ""}
        self.call("job_status", queue({"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": detail}))
