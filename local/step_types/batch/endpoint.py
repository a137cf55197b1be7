"""Jobs that really run: the script of the job definition as a process of its own, reported as Batch reports it.

The endpoint ends every job as soon as it is submitted, sends no `Batch Job State Change`, and stops none.
"""

import re
import threading
import uuid
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import batch

from headgate.local.adapters import sdk_calls
from headgate.local.adapters.names import INSTANT
from headgate.local.adapters.service_events import publish
from headgate.local.adapters.settings import Settings
from headgate.local.adapters.work import End, Order, Work

HOOKS = ("batch:_DISPATCH", "batch:_jobs", "batch:_job_queues", "batch:_job_definitions")
KILLED = 137  # the exit code of a container that was stopped
TIMED_OUT = "Job attempt duration exceeded timeout"
PLACEHOLDER = re.compile(r"Ref::([A-Za-z0-9_.-]+)")


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    yield "batch:SubmitJob", f"arn:aws:batch:{place}:job-definition/{given['JobDefinition']}:1"
    yield "batch:SubmitJob", f"arn:aws:batch:{place}:job-queue/{given['JobQueue']}"


def _resource(path: str, given: dict[str, Any]) -> str | None:
    """Only one operation on jobs is about one job by its id; the others cannot be limited."""
    if path.rstrip("/").lower() != "/v1/terminatejob":
        return None
    return f"arn:aws:batch:{get_region()}:{get_account_id()}:job/{given['jobId']}"


PERMISSIONS = {"aws-sdk:batch:submitJob": _needed}
RESOURCES = {"batch": _resource}


class Jobs:
    """Starts, stops and reports jobs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._works: dict[str, Work] = {}
        self._lock = threading.Lock()

    def submit(self, given: dict[str, Any]) -> Any:
        """SubmitJob: the same call twice makes two jobs."""
        queue, name = given["jobQueue"], given["jobDefinition"]
        if queue not in batch._job_queues:
            return error_response_json("ClientException", f"Object does not exist: {queue}", 400)
        if name not in batch._job_definitions:
            return error_response_json("ClientException", f"JobDefinition {name} not found or inactive", 400)
        definition, number = batch._job_definitions[name][-1], str(uuid.uuid4())
        with self._lock:
            place = f"arn:aws:batch:{get_region()}:{get_account_id()}"
            job = batch._jobs[number] = {
                "jobId": number, "jobArn": f"{place}:job/{number}", "jobName": given["jobName"], "jobQueue": batch._job_queues[queue]["jobQueueArn"],
                "jobDefinition": definition["jobDefinitionArn"], "status": "RUNNING", "createdAt": self._now(), "startedAt": self._now(),
                "parameters": given.get("parameters", {}), "container": {}, "timeout": given.get("timeout", {}),
            }  # fmt: skip
            # under the lock: work that ends at once waits for it
            order = _order(definition, given, number)
            self._works[number] = Work(self._settings, order, lambda end: self._ended(job, end))
        return json_response({"jobId": number, "jobName": job["jobName"], "jobArn": job["jobArn"]})

    def describe(self, given: dict[str, Any]) -> Any:
        """DescribeJobs. A job that was active when the endpoint ended, ended with it."""
        for job in (batch._jobs[each] for each in given["jobs"] if each in batch._jobs):
            if job["status"] == "RUNNING" and job["jobId"] not in self._works:
                job.update(status="FAILED", statusReason="Host EC2 terminated.")
        return json_response({"jobs": [batch._jobs[each] for each in given["jobs"] if each in batch._jobs]})

    def list(self, given: dict[str, Any]) -> Any:
        """ListJobs, by their name: the latest first, all on one page."""
        (wanted,) = next(each["values"] for each in given["filters"] if each["name"] == "JOB_NAME")
        queue = batch._job_queues[given["jobQueue"]]["jobQueueArn"]
        found = [each for each in batch._jobs.values() if (each["jobName"], each["jobQueue"]) == (wanted, queue)]
        return json_response({"jobSummaryList": found[::-1]})

    def terminate(self, given: dict[str, Any]) -> Any:
        """TerminateJob. A job that has ended stays as it is."""
        with self._lock:
            if work := self._works.get(given["jobId"]):
                batch._jobs[given["jobId"]]["statusReason"] = given["reason"]
                work.stop()
        return json_response({})

    def _ended(self, job: dict[str, Any], end: End) -> None:
        code = KILLED if end.code is None and end.state != "SUCCEEDED" else end.code or 0
        container = {"exitCode": code} | ({"reason": end.message} if end.message else {})
        with self._lock:
            reasons = {"STOPPED": job.get("statusReason", ""), "TIMEOUT": TIMED_OUT}
            job.update(
                status="SUCCEEDED" if end.state == "SUCCEEDED" else "FAILED", stoppedAt=self._now(), container=container,
                statusReason=reasons.get(end.state, "Essential container in task exited"),
            )  # fmt: skip
            self._works.pop(job["jobId"], None)
        publish(self._settings, "aws.batch", "Batch Job State Change", job, (job["jobArn"],))

    def _now(self) -> int:
        return int(self._settings.clock.time() * 1000)


def _order(definition: dict[str, Any], given: dict[str, Any], number: str) -> Order:
    container, overrides = definition["containerProperties"], given.get("containerOverrides", {})
    script = None if container["image"] == INSTANT else container["image"]
    values = given.get("parameters", {})
    command = overrides.get("command") or container.get("command", [])
    arguments = tuple(PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), each) for each in command)
    variables = {
        each["name"]: each["value"] for each in [*container.get("environment", []), *overrides.get("environment", [])]
    }
    seconds = given.get("timeout", {}).get("attemptDurationSeconds")
    return Order(definition["jobDefinitionName"], number, script, arguments, seconds, variables)


def install(settings: Settings) -> None:
    jobs = Jobs(settings)
    batch._DISPATCH.update(
        {"/v1/submitjob": jobs.submit, "/v1/describejobs": jobs.describe, "/v1/listjobs": jobs.list, "/v1/terminatejob": jobs.terminate}
    )  # fmt: skip
    sdk_calls.add(settings, "batch:submitJob", "batch", "Batch", jobs.submit)
