"""AWS as far as the functions reach it."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


@dataclass
class FakeAws:
    """What effects reach: executions by name, answered tokens, events, alerts, Glue's job runs, objects of S3. `broken` operations fail."""

    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    answered: list[tuple[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    schedules: dict[str, str] = field(default_factory=dict)  # expressions by name
    regions: set[str] = field(default_factory=set)  # that were called by name
    alerts: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, str] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)  # what else GetJobRun says of job runs
    launched: list[dict[str, Any]] = field(default_factory=list)  # as GetJobRuns gives them, the latest first
    stopped: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    closed_tokens: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, name: str, region: str | None = None) -> Any:
        self.regions |= {region} if region else set()
        return self

    def _fail(self, operation: str, code: str | None = None) -> None:
        code = code or self.broken.get(operation)
        if code:
            raise ClientError({"Error": {"Code": code, "Message": "as the test wants it"}}, operation)

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, str]:  # noqa: N803, A002 - boto3's names
        self._fail("StartExecution")
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        with self.lock:
            if arn in self.executions:
                self._fail("StartExecution", "ExecutionAlreadyExists")
            self.executions[arn] = {"status": "RUNNING", "input": json.loads(input)}
        return {"executionArn": arn}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        if executionArn not in self.executions:
            self._fail("DescribeExecution", "ExecutionDoesNotExist")
        return self.executions[executionArn]

    def stop_execution(self, executionArn: str, error: str, cause: str) -> None:  # noqa: N803
        self._fail("StopExecution")
        self.executions.setdefault(executionArn, {})["status"] = "ABORTED"

    def send_task_success(self, taskToken: str, output: str) -> None:  # noqa: N803
        self._answer("SendTaskSuccess", taskToken, json.loads(output))

    def send_task_failure(self, taskToken: str, error: str, cause: str) -> None:  # noqa: N803
        self._answer("SendTaskFailure", taskToken, error)

    def _answer(self, operation: str, token: str, answer: Any) -> None:
        self._fail(operation)
        with self.lock:
            if token in self.closed_tokens:
                self._fail(operation, "TaskDoesNotExist")
            self.closed_tokens.add(token)
            self.answered.append((token, answer))

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        if "PutEvents" in self.broken:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": self.broken["PutEvents"]}]}
        self.events += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    def publish(self, TopicArn: str, Message: str, MessageAttributes: Any) -> dict[str, str]:  # noqa: N803
        self._fail("Publish")
        self.alerts.append(json.loads(Message))
        return {"MessageId": "1"}

    def get_schedule(self, Name: str) -> dict[str, Any]:  # noqa: N803
        self._fail("GetSchedule")
        expression = self.schedules.get(Name, "at(2099-01-01T00:00:00)")
        return {"Name": Name, "ScheduleExpression": expression, "Target": {"Arn": "f"}, "Arn": "a", "State": "ENABLED"}

    def update_schedule(self, Name: str, ScheduleExpression: str, Target: Any, State: str) -> None:  # noqa: N803
        self._fail("UpdateSchedule")
        self.schedules[Name] = ScheduleExpression

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str) -> list[dict[str, Any]]:  # noqa: N803
        """The objects of the bucket, one a page."""
        place = f"s3://{Bucket}/"
        return [{"Contents": [{"Key": each.removeprefix(place)}]} for each in self.objects if each.startswith(place)]

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str = "") -> dict[str, str]:  # noqa: N803
        self._fail("PutObject")
        self.objects[f"s3://{Bucket}/{Key}"] = Body
        return {"ETag": "1"}

    def get_job_run(self, JobName: str, RunId: str) -> dict[str, Any]:  # noqa: N803
        if RunId not in self.jobs:
            self._fail("GetJobRun", "EntityNotFoundException")
        self._fail("GetJobRun")
        known = {"JobRunState": self.jobs[RunId], "ErrorMessage": "out of memory"}
        return {"JobRun": known | self.runs.get(RunId, {})}

    def get_job_runs(self, JobName: str, MaxResults: int, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        self._fail("GetJobRuns")
        of_job = [each for each in self.launched if each["JobName"] == JobName]
        page = of_job[int(NextToken) : int(NextToken) + 2]
        more = {"NextToken": str(int(NextToken) + 2)} if len(of_job) > int(NextToken) + 2 else {}
        return {"JobRuns": page, **more}

    def batch_stop_job_run(self, JobName: str, JobRunIds: list[str]) -> dict[str, Any]:  # noqa: N803
        self._fail("BatchStopJobRun")
        self.stopped += JobRunIds
        return {"SuccessfulSubmissions": [], "Errors": []}
