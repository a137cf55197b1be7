"""Glue jobs that really run: the job's script as a process of its own, reported as Glue reports it.

The endpoint only pretends to run Spark jobs, sends no `Glue Job State Change`, does not know `glue:startJobRun`, and ignores
`MaxConcurrentRuns`. A job whose script's location is `instant` has no work to do and takes no process. A script in S3 has shipped with a product: it
runs with the permissions of the job's role.
"""

import json
import os
import threading
import uuid
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import glue, stepfunctions

from headgate.local.adapters.names import INSTANT
from headgate.local.adapters.service_events import publish
from headgate.local.adapters.settings import Settings
from headgate.local.adapters.shipped_code import S3, credentials, fetched
from headgate.local.adapters.work import End, Order, Work

HOOKS = (
    "glue:_create_job", "glue:_start_job_run", "glue:_get_job_run", "glue:_batch_stop_job_run", "glue:_jobs", "glue:_job_runs",
    "glue:_resolve_script", "stepfunctions:_SERVICE_DISPATCH", "stepfunctions:_ExecutionError",
)  # fmt: skip
SCRIPT, MODULES = "--scriptLocation", "--extra-py-files"  # arguments that Glue itself reads
RUNNING = ("STARTING", "RUNNING", "STOPPING")
SEVERITY = {"SUCCEEDED": "INFO", "FAILED": "ERROR", "STOPPED": "WARN", "TIMEOUT": "WARN"}
MESSAGE = {"SUCCEEDED": "Job run succeeded", "STOPPED": "Job run stopped", "TIMEOUT": "Job run timed out"}


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    yield "glue:StartJobRun", f"arn:aws:glue:{place}:job/{given['JobName']}"


PERMISSIONS = {"glue:startJobRun": _needed}


class Jobs:
    """Starts, stops and reports job runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._live: dict[str, tuple[dict[str, Any], Work]] = {}
        self._lock = threading.Lock()
        self._get, self._stop = glue._get_job_run, glue._batch_stop_job_run

    def start(self, given: dict[str, Any]) -> Any:
        """StartJobRun."""
        name = given.get("JobName", "")
        job = glue._jobs.get(name)
        if job is None:
            return error_response_json("EntityNotFoundException", f"Job {name} not found", 400)
        with self._lock:
            runs = glue._job_runs.setdefault(name, [])
            most = int((job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1))
            if sum(each["JobRunState"] in RUNNING for each in runs) >= most:
                message = f"Concurrent runs exceeded for {name}"
                return error_response_json("ConcurrentRunsExceededException", message, 400)
            now = int(self._settings.clock.time())
            run = {
                "Id": f"jr_{uuid.uuid4().hex}{uuid.uuid4().hex}", "JobName": name, "JobRunState": "RUNNING", "StartedOn": now,
                "LastModifiedOn": now, "CompletedOn": None, "ExecutionTime": 0, "ErrorMessage": "", "Attempt": 0, "PredecessorRuns": [],
                "Arguments": {**job.get("DefaultArguments", {}), **given.get("Arguments", {})},
                "Timeout": given.get("Timeout") or job.get("Timeout", 2880), "GlueVersion": job.get("GlueVersion", "5.0"),
                "WorkerType": given.get("WorkerType", job.get("WorkerType", "")), "NumberOfWorkers": given.get("NumberOfWorkers", 0),
            }  # fmt: skip
            runs.append(run)
            # under the lock: work that ends at once waits for it, so `_ended` finds the run among the live ones
            work = Work(self._settings, _order(self._settings, job, run), lambda end: self._ended(run, end))
            self._live[run["Id"]] = run, work
        return json_response({"JobRunId": run["Id"]})

    def get(self, given: dict[str, Any]) -> Any:
        """GetJobRun. A run that was active when the endpoint ended, ended with it."""
        for run in glue._job_runs.get(given.get("JobName"), []):
            if run["JobRunState"] in RUNNING and run["Id"] not in self._live:
                run.update(JobRunState="FAILED", ErrorMessage="the machine it ran on was restarted")
        return self._get(given)

    def stop(self, given: dict[str, Any]) -> Any:
        """BatchStopJobRun. The endpoint calls a run STOPPED at once; on AWS it is STOPPING until it has ended."""
        with self._lock:
            answer = self._stop(given)
            for run, work in [self._live[each] for each in given.get("JobRunIds", []) if each in self._live]:
                run["JobRunState"] = "STOPPING"
                work.stop()
        return answer

    def _ended(self, run: dict[str, Any], end: End) -> None:
        now = int(self._settings.clock.time())
        message = end.message if end.state == "FAILED" else MESSAGE[end.state]
        with self._lock:
            run.update(
                JobRunState=end.state, CompletedOn=now, LastModifiedOn=now, ExecutionTime=now - run["StartedOn"],
                ErrorMessage="" if end.state == "SUCCEEDED" else message,
            )  # fmt: skip
            self._live.pop(run["Id"], None)
        detail = {
            "jobName": run["JobName"], "severity": SEVERITY[end.state], "state": end.state, "jobRunId": run["Id"], "message": message,
        }  # fmt: skip
        publish(self._settings, "aws.glue", "Glue Job State Change", detail)


def _order(settings: Settings, job: dict[str, Any], run: dict[str, Any]) -> Order:
    location = job.get("Command", {}).get("ScriptLocation", "")
    arguments = {"--JOB_NAME": run["JobName"], "--JOB_RUN_ID": run["Id"], **run["Arguments"]}
    variables: dict[str, str] = {}
    script = None if location == INSTANT else glue._resolve_script(location) or location
    refused = ""
    if location.startswith(S3):
        try:
            script = str(fetched(settings, job["Role"], arguments.get(SCRIPT, location)))
            modules = [fetched(settings, job["Role"], each) for each in arguments.get(MODULES, "").split(",") if each]
        except OSError as error:
            refused, modules = str(error), []
        folders = [str(each.parent if each.suffix == ".py" else each) for each in modules]
        variables = credentials(job["Role"], run["Id"]) | ({"PYTHONPATH": os.pathsep.join(folders)} if folders else {})
    texts = tuple(str(text) for pair in arguments.items() for text in pair if pair[0] not in (SCRIPT, MODULES))
    return Order(run["JobName"], run["Id"], script, texts, run["Timeout"] * 60, variables, refused)


def install(settings: Settings) -> None:
    jobs = Jobs(settings)
    create = glue._create_job

    def create_job(given: dict[str, Any]) -> Any:
        answer = create(given)
        if answer[0] < 400:  # the endpoint drops it
            glue._jobs[given["Name"]]["ExecutionProperty"] = given.get("ExecutionProperty") or {"MaxConcurrentRuns": 1}
        return answer

    glue._create_job = create_job
    glue._start_job_run, glue._get_job_run, glue._batch_stop_job_run = jobs.start, jobs.get, jobs.stop

    def start_job_run(resource: str, given: dict[str, Any]) -> Any:
        status, _, body = jobs.start(given)
        answer = json.loads(body)
        if status >= 400:
            raise stepfunctions._ExecutionError("Glue." + answer["__type"].rsplit("#")[-1], answer.get("message", ""))
        return answer

    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::glue:startJobRun"] = start_job_run
