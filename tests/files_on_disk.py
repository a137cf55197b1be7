"""AWS in a folder, which outlives the processes that use it, and the machine of a product of files as Step Functions plays it: what is killed is called again."""

import io
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from botocore.exceptions import ClientError

from headgate.local.data_api import DataApi
from headgate_jobs.batch import Batch
from state.errors import StateUnavailable
from tests.direct_client import DirectClient, role_of
from tests.handler_steps import invoke, queue
from tests.state_world import World, at

JOB = "job-load"
Facts = dict[str, Any]


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as AWS says it"}}, "x")


class DiskAws:
    """What was done is a line of a file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "objects").mkdir(parents=True)

    def done(self, kind: str) -> list[Facts]:
        file = self.folder / kind
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def do(self, kind: str, **facts: Any) -> None:
        with open(self.folder / kind, "a") as file:
            file.write(json.dumps(facts) + "\n")

    def client(self, name: str, region: str | None = None) -> Any:
        return self

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> Facts:  # noqa: N803, A002 - boto3's names
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        if arn in self.executions():
            raise refused("ExecutionAlreadyExists")
        self.do("executions", arn=arn, input=json.loads(input))
        return {"executionArn": arn}

    def executions(self) -> dict[str, Facts]:
        return {each["arn"]: each["input"] for each in self.done("executions")}

    def describe_execution(self, executionArn: str) -> Facts:  # noqa: N803
        ends = {each["arn"]: each for each in self.done("ends")}
        return ends.get(executionArn, {"status": "RUNNING"})

    def send_task_success(self, taskToken: str, output: str) -> None:  # noqa: N803
        self._answer(taskToken, True)

    def send_task_failure(self, taskToken: str, error: str, cause: str) -> None:  # noqa: N803
        self._answer(taskToken, False)

    def _answer(self, token: str, good: bool) -> None:
        if token in self.answers():
            raise refused("TaskDoesNotExist")
        self.do("answers", token=token, good=good)

    def answers(self) -> dict[str, bool]:
        return {each["token"]: each["good"] for each in self.done("answers")}

    def put_events(self, Entries: list[Facts]) -> Facts:  # noqa: N803
        self.do("events", detail=json.loads(Entries[0]["Detail"]))
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    def get_schedule(self, Name: str) -> Facts:  # noqa: N803
        return {"ScheduleExpression": "at(2099-01-01T00:00:00)", "Target": {}, "State": "ENABLED"}

    def update_schedule(self, **given: Any) -> None:
        pass

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str = "") -> Facts:  # noqa: N803
        place = self.folder / "objects" / quote(f"{Bucket}/{Key}", safe="")
        place.with_suffix(".new").write_bytes(Body)
        place.with_suffix(".new").replace(place)
        return {}

    def get_object(self, Bucket: str, Key: str) -> Facts:  # noqa: N803
        place = self.folder / "objects" / quote(f"{Bucket}/{Key}", safe="")
        if not place.exists():
            raise refused("NoSuchKey")
        return {"Body": io.BytesIO(place.read_bytes())}

    def start_job_run(self, batch: int, arguments: Facts) -> str:
        name = f"jr_{len(self.done('jobs')) + 1}"
        self.do("jobs", Id=name, JobName=JOB, Arguments=arguments, StartedOn="2026-11-20T06:00:00+00:00", batch=batch)
        return name

    def state_of(self, job_run: str) -> str:
        ends = {each["id"]: each["state"] for each in self.done("job ends")}
        return str(ends.get(job_run, "RUNNING"))

    def get_job_run(self, JobName: str, RunId: str) -> Facts:  # noqa: N803
        return {"JobRun": {"JobRunState": self.state_of(RunId)}}

    def get_job_runs(self, JobName: str, MaxResults: int) -> Facts:  # noqa: N803
        runs = [
            {**each, "JobRunState": self.state_of(each["Id"]), "StartedOn": datetime.fromisoformat(each["StartedOn"])}
            for each in self.done("jobs")
        ]
        return {"JobRuns": runs[::-1]}

    def batch_stop_job_run(self, JobName: str, JobRunIds: list[str]) -> Facts:  # noqa: N803
        for each in JobRunIds:
            if self.state_of(each) == "RUNNING":
                self.do("job ends", id=each, state="STOPPED")
        return {}


class MachineDiedError(Exception):
    """The execution is lost, or one of a batch."""


@dataclass(frozen=True)
class Point:
    """In `handler` (or the job), before or after the `nth` call of `name`: a function of the state by its name, or an operation of AWS."""

    handler: str
    name: str
    when: str = "after"
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.handler}: {self.when} {self.name} {self.nth}"


@dataclass
class Kill:
    """Kills a process of its own that makes the call, once it is at the point."""

    point: Point
    world: World
    aws: DiskAws
    killed: bool = False

    def calls(self, handler: str, call: Callable[[], Any]) -> None:
        if self.killed or handler != self.point.handler:
            return
        if (child := os.fork()) == 0:
            with suppress(BaseException):
                self._arm()
                call()
            os._exit(0)
        self.killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    def _arm(self) -> None:
        sys.stdout = sys.stderr = io.StringIO()
        # nothing of the connections that the parent has is touched
        self.world.database._client = DirectClient(DataApi(self.world.dsn, role_of=role_of))
        for owner, operation in ((self.world.database, "call"), (self.world.database, "rows")):
            setattr(owner, operation, self._watched(getattr(owner, operation), lambda given: str(given[0])))
        name = self.point.name
        if hasattr(self.aws, name):
            setattr(self.aws, name, self._watched(getattr(self.aws, name), lambda given: name))

    def _watched(self, call: Callable[..., Any], named: Callable[[tuple[Any, ...]], str]) -> Callable[..., Any]:
        seen = Counter[str]()

        def watched(*given: Any, **more: Any) -> Any:
            at_point = named(given) == self.point.name
            seen[named(given)] += at_point
            dies = at_point and seen[self.point.name] == self.point.nth
            if dies and self.point.when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = call(*given, **more)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return watched


@dataclass
class KillServer(Kill):
    """Kills the process of PostgreSQL that carries out the call, in the middle of its transaction. The server ends all connections, and recovers."""

    def calls(self, handler: str, call: Callable[[], Any]) -> None:
        if self.killed or handler != self.point.handler:
            return
        with psycopg.connect(self.world.dsn) as holder, ThreadPoolExecutor(1) as caller:
            holder.execute("SELECT FROM data_product FOR UPDATE")
            holder.execute("SELECT FROM data_product_status FOR UPDATE")
            called = caller.submit(call)
            while not called.done() and not (waiting := self._waiting()):
                time.sleep(0.01)
            if not called.done():
                os.kill(waiting[0], signal.SIGKILL)
                self.killed = True
            with suppress(psycopg.OperationalError):
                holder.rollback()
            with suppress(StateUnavailable):
                called.result()
        self.world._direct = None
        while self.killed:
            with suppress(psycopg.OperationalError), psycopg.connect(self.world.dsn):
                return
            time.sleep(0.05)

    def _waiting(self) -> list[int]:
        """The processes that wait for a lock within the wanted call."""
        query = "SELECT pid FROM pg_stat_activity WHERE pg_blocking_pids(pid) <> '{}' AND query LIKE %s"
        return [pid for (pid,) in self.world.sql(query, f"%{self.point.name}%")]


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


class WaitsError(Exception):
    """The execution waits for its token to be answered."""
