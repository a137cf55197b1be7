"""Glue jobs that really run: the job's script as a process of its own, reported as Glue reports it.

The endpoint only pretends to run Spark jobs, sends no `Glue Job State Change`, does not know `glue:startJobRun`, and ignores
`MaxConcurrentRuns`. A job whose script's location is `instant` has no work to do and takes no process.

How the next runs of a job behave can be told: `{"fails": <message>}` ends it as a script does that raises, `{"takes":
<seconds>}` makes it take that long by the clock, `{"hangs": true}` never ends by itself; of several, each run uses up one, and the
last stays. `*` is for jobs that nothing is said of.
"""

import contextvars
import json
import os
import subprocess
import sys
import threading
import uuid
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import eventbridge, glue, stepfunctions

from headgate.local.adapters.names import INSTANT
from headgate.local.adapters.settings import Settings
from headgate.local.process import dies_with_parent

HOOKS = (
    "glue:_create_job",
    "glue:_start_job_run", "glue:_get_job_run", "glue:_batch_stop_job_run", "glue:_jobs", "glue:_job_runs", "glue:_resolve_script",
    "eventbridge:_dispatch_event", "stepfunctions:_SERVICE_DISPATCH",
)  # fmt: skip
RUNNING = ("STARTING", "RUNNING", "STOPPING")
FAULTS = {
    "fails": "import sys; sys.exit(sys.argv[1])",
    "hangs": "import time; time.sleep(86400)",
}
MESSAGE = 2_000  # characters of a script's last words


class Runner:
    """Starts, ends and reports job runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._clock = settings, settings.clock
        self._live: dict[str, _Live] = {}
        self._lock = threading.Lock()

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
            now = int(self._clock.time())
            run = {
                "Id": f"jr_{uuid.uuid4().hex}{uuid.uuid4().hex}", "JobName": name, "JobRunState": "STARTING", "StartedOn": now,
                "LastModifiedOn": now, "CompletedOn": None, "ExecutionTime": 0, "ErrorMessage": "", "Attempt": 0, "PredecessorRuns": [],
                "Arguments": {**job.get("DefaultArguments", {}), **given.get("Arguments", {})},
                "Timeout": given.get("Timeout") or job.get("Timeout", 2880), "GlueVersion": job.get("GlueVersion", "5.0"),
                "WorkerType": given.get("WorkerType", job.get("WorkerType", "")), "NumberOfWorkers": given.get("NumberOfWorkers", 0),
            }  # fmt: skip
            runs.append(run)
            live = self._live[run["Id"]] = _Live(self._clock.event(), self._behaviour(name))
        work = contextvars.copy_context().run  # the account and region of the request
        target = self._clock.counted(lambda: work(self._run, job, run, live))
        threading.Thread(target=target, daemon=True, name=run["Id"]).start()
        return json_response({"JobRunId": run["Id"]})

    def get(self, given: dict[str, Any]) -> Any:
        """GetJobRun. A run that was going on when the endpoint ended went with it."""
        for run in glue._job_runs.get(given.get("JobName"), []):
            if run["JobRunState"] in RUNNING and run["Id"] not in self._live:
                run.update(JobRunState="FAILED", ErrorMessage="the machine it ran on was restarted")
        return get_job_run(given)

    def stop(self, given: dict[str, Any]) -> Any:
        """BatchStopJobRun."""
        for name in given.get("JobRunIds", []):
            if name in self._live:
                self._live[name].stopped = True
                self._live[name].ended.set()
        return stop_job_runs(given)

    def _behaviour(self, job: str) -> dict[str, Any]:
        told = self._settings.jobs.get(job) or self._settings.jobs.get("*") or [{}]
        return told.pop(0) if len(told) > 1 else told[0]

    def _run(self, job: dict[str, Any], run: dict[str, Any], live: "_Live") -> None:
        started = self._clock.time()
        run["JobRunState"] = "RUNNING"
        code, words = self._execute(job, run, live)
        remaining = started + min(float(live.behaviour.get("takes", 0)), run["Timeout"] * 60) - self._clock.time()
        if remaining > 0 and code is not None:
            live.ended.wait(remaining)
        if live.stopped:
            state, severity, message = "STOPPED", "WARN", "Job run stopped"
        elif code is None or float(live.behaviour.get("takes", 0)) >= run["Timeout"] * 60:
            state, severity, message = "TIMEOUT", "WARN", "Job run timed out"
        elif code:
            state, severity, message = "FAILED", "ERROR", words
        else:
            state, severity, message = "SUCCEEDED", "INFO", "Job run succeeded"
        now = int(self._clock.time())
        run.update(
            JobRunState=state, CompletedOn=now, LastModifiedOn=now, ExecutionTime=now - run["StartedOn"],
            ErrorMessage="" if state == "SUCCEEDED" else message,
        )  # fmt: skip
        self._live.pop(run["Id"], None)
        self._report(run, state, severity, message)

    def _execute(self, job: dict[str, Any], run: dict[str, Any], live: "_Live") -> tuple[int | None, str]:
        """The exit code and the last line said; no code if it was ended from outside."""
        location = job.get("Command", {}).get("ScriptLocation", "")
        fault = next((each for each in FAULTS if live.behaviour.get(each)), None)
        if location == INSTANT and fault is None:
            return 0, ""
        arguments = {"--JOB_NAME": run["JobName"], "--JOB_RUN_ID": run["Id"], **run["Arguments"]}
        command = [sys.executable, glue._resolve_script(location) or location]
        command += [str(text) for pair in arguments.items() for text in pair]
        if fault is not None:
            command = [sys.executable, "-c", FAULTS[fault], str(live.behaviour[fault])]
        process = subprocess.Popen(
            command, cwd=self._settings.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=self._environment(), preexec_fn=dies_with_parent(),
        )  # fmt: skip
        if fault == "hangs":
            live.ended.wait(run["Timeout"] * 60)
            process.kill()
            process.communicate()
            return None, ""
        _, errors = process.communicate()
        lines = errors.strip().splitlines()
        return process.returncode, (lines[-1] if lines else f"exit code {process.returncode}")[:MESSAGE]

    def _environment(self) -> dict[str, str]:
        mine = {key: value for key, value in os.environ.items() if not key.startswith(("HEADGATE_", "PYTHONPATH"))}
        reach = {
            "AWS_ENDPOINT_URL": self._settings.url,
            "AWS_ACCESS_KEY_ID": get_account_id(),
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        return {**mine, **reach, "AWS_DEFAULT_REGION": get_region()}

    def _report(self, run: dict[str, Any], state: str, severity: str, message: str) -> None:
        detail = {
            "jobName": run["JobName"],
            "severity": severity,
            "state": state,
            "jobRunId": run["Id"],
            "message": message,
        }
        eventbridge._dispatch_event(
            {
                "EventId": str(uuid.uuid4()), "Source": "aws.glue", "DetailType": "Glue Job State Change", "Detail": json.dumps(detail),
                "EventBusName": "default", "Time": int(self._clock.time()), "Resources": [], "Account": get_account_id(),
                "Region": get_region(),
            }
        )  # fmt: skip


class _Live:
    def __init__(self, ended: Any, behaviour: dict[str, Any]) -> None:
        self.ended, self.behaviour, self.stopped = ended, behaviour, False


get_job_run, stop_job_runs = glue._get_job_run, glue._batch_stop_job_run


def install(settings: Settings) -> None:
    runner = Runner(settings)
    create = glue._create_job

    def create_job(given: dict[str, Any]) -> Any:
        answer = create(given)
        if answer[0] < 400:  # the endpoint drops it
            glue._jobs[given["Name"]]["ExecutionProperty"] = given.get("ExecutionProperty") or {"MaxConcurrentRuns": 1}
        return answer

    glue._create_job = create_job
    glue._start_job_run, glue._get_job_run, glue._batch_stop_job_run = runner.start, runner.get, runner.stop

    def start_job_run(resource: str, given: dict[str, Any]) -> Any:
        status, _, body = runner.start(given)
        answer = json.loads(body)
        if status >= 400:
            raise stepfunctions._ExecutionError("Glue." + answer["__type"].rsplit("#")[-1], answer.get("message", ""))
        return answer

    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::glue:startJobRun"] = start_job_run
    (settings.folder / "tmp").mkdir(parents=True, exist_ok=True)
