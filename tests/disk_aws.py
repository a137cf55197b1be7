"""AWS in a folder, which outlives the processes that use it, as far as loading files needs it."""

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

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
