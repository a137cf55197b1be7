"""Job runs that really run: the script at the entry point as a process of its own, without Spark, reported as EMR Serverless reports it.

The endpoint does not have this service.
"""

import json
import re
import threading
import uuid
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import s3

from headgate.local.adapters import further_services, sdk_calls
from headgate.local.adapters.service_events import publish
from headgate.local.adapters.settings import Settings
from headgate.local.adapters.work import End, Order, Work

HOOKS = ("s3:_get_object_data",)
PATH = re.compile(r"/applications(?:/([0-9a-z]+)(?:/jobruns(?:/([0-9a-z]+))?)?)?")
STATES = {"SUCCEEDED": "SUCCESS", "STOPPED": "CANCELLED", "FAILED": "FAILED", "TIMEOUT": "CANCELLED"}


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    yield "emr-serverless:StartJobRun", f"arn:aws:emr-serverless:{place}:/applications/{given['ApplicationId']}"
    yield "iam:PassRole", given["ExecutionRoleArn"]


def _resource(path: str, given: dict[str, Any]) -> str | None:
    """A job run or an application, by the path."""
    return f"arn:aws:emr-serverless:{get_region()}:{get_account_id()}:{path}".removesuffix("/jobruns")


PERMISSIONS = {"aws-sdk:emrserverless:startJobRun": _needed}
RESOURCES = {"emr-serverless": _resource}


class JobRuns:
    """Starts, stops and reports job runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._applications: dict[str, dict[str, Any]] = {}
        self._runs: dict[str, dict[str, Any]] = {}
        self._works: dict[str, Work] = {}
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    async def handle(self, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        """The operations by method and path, as the service's API has them."""
        match = PATH.fullmatch(path.rstrip("/"))
        assert match is not None, f"EMR Serverless has no operation at {path}"
        application, number = match.groups()
        if application is None:
            return self._create(json.loads(body))
        if number is None:
            return (
                self._list(application)
                if method == "GET"
                else self.start(json.loads(body) | {"applicationId": application})
            )
        if number not in self._runs:
            return error_response_json("ResourceNotFoundException", f"Jobrun {number} does not exist.", 404)
        return self._cancel(number) if method == "DELETE" else json_response({"jobRun": self._runs[number]})

    def start(self, given: dict[str, Any]) -> Any:
        """StartJobRun: with a token that was used before it gives the job run of before."""
        application = given["applicationId"]
        if application not in self._applications:
            return error_response_json("ResourceNotFoundException", f"Application {application} does not exist.", 404)
        with self._lock:
            number = self._tokens.setdefault(given["clientToken"], uuid.uuid4().hex[:16])
            arn = (
                f"arn:aws:emr-serverless:{get_region()}:{get_account_id()}:/applications/{application}/jobruns/{number}"
            )
            if number not in self._runs:
                run = self._runs[number] = {
                    "applicationId": application, "jobRunId": number, "arn": arn, "name": given.get("name", ""), "state": "RUNNING", "stateDetails": "",
                    "createdAt": int(self._settings.clock.time()), "executionRole": given["executionRoleArn"],
                }  # fmt: skip
                # under the lock: work that ends at once waits for it
                order = self._order(given, number)
                self._works[number] = Work(self._settings, order, lambda end: self._ended(run, end))
        return json_response({"applicationId": application, "jobRunId": number, "arn": arn})

    def _create(self, given: dict[str, Any]) -> Any:
        """CreateApplication. Its name is its id as well, so that metadata can name it."""
        self._applications[given["name"]] = given.get("tags", {})
        return json_response({"applicationId": given["name"], "name": given["name"], "arn": given["name"]})

    def _list(self, application: str) -> Any:
        """ListJobRuns: all on one page."""
        found = [each | {"id": number} for number, each in self._runs.items() if each["applicationId"] == application]
        return json_response({"jobRuns": found})

    def _cancel(self, number: str) -> Any:
        """CancelJobRun. A job run that has ended stays as it is."""
        with self._lock:
            if work := self._works.get(number):
                work.stop()
        return json_response({"applicationId": self._runs[number]["applicationId"], "jobRunId": number})

    def _order(self, given: dict[str, Any], number: str) -> Order:
        """The work is known to the scenario by the name of its script."""
        submitted = given["jobDriver"]["sparkSubmit"]
        bucket, _, key = submitted["entryPoint"].removeprefix("s3://").partition("/")
        code = s3._get_object_data(bucket, key)
        name = key.rpartition("/")[2].removesuffix(".py")
        script = self._settings.folder / "tmp" / f"{number}.py"
        if code is not None:
            script.write_bytes(code)
        seconds = 60 * int(given.get("executionTimeoutMinutes") or 720)
        arguments = tuple(submitted.get("entryPointArguments", ()))
        variables = self._applications[given["applicationId"]]
        return Order(name, number, str(script) if code is not None else None, arguments, seconds, variables)

    def _ended(self, run: dict[str, Any], end: End) -> None:
        reasons = {"TIMEOUT": "Job run was cancelled: it ran for longer than executionTimeoutMinutes"}
        with self._lock:
            run.update(state=STATES[end.state], stateDetails=reasons.get(end.state, end.message))
            self._works.pop(run["jobRunId"], None)
        detail = {key: run[key] for key in ("jobRunId", "applicationId", "arn", "state")} | {"previousState": "RUNNING"}
        publish(self._settings, "aws.emr-serverless", "EMR Serverless Job Run State Change", detail, (run["arn"],))


def install(settings: Settings) -> None:
    runs = JobRuns(settings)
    further_services.add("emr-serverless", runs.handle)
    sdk_calls.add(settings, "emrserverless:startJobRun", "emr-serverless", "EmrServerless", runs.start)
