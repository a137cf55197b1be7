"""Machines that ended without recording an outcome: what the job status processor receives at once, and the monitor finds."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

import launches
import runtime
from clients import client
from failure_cause import readable
from job_run import JobRun
from job_services import stop
from state.answers import OpenRun

# Of the errors Step Functions itself gives, those that a task can end with; any other means that the machine broke, not its work.
OF_TASKS = ("States.TaskFailed", "States.Timeout", "States.HeartbeatTimeout")
RESTARTS = 2  # of one run, so that a machine which breaks each time comes to an end


@dataclass(frozen=True, slots=True)
class MachineEnd:
    """How an execution ended. `unknown`: Step Functions does not know it."""

    status: str
    error: str | None = None
    cause: str | None = None
    unknown: bool = False

    @property
    def broke(self) -> bool:
        """Whether the machine broke and not its work: then the run is started again."""
        error = self.error or ""
        return self.unknown or (self.status == "FAILED" and error.startswith("States.") and error not in OF_TASKS)


def machines() -> Any:
    return client("stepfunctions")


def execution_arn(run: OpenRun) -> str:
    """The ARN of the execution of the run's attempt, in this deployment."""
    if run.execution_arn:
        return run.execution_arn
    prefix = os.environ["STATE_MACHINE_ARN_PREFIX"].replace(":stateMachine:", ":execution:")
    return f"{prefix}{run.machine}:{run.name}"


def end_of(arn: str) -> MachineEnd | None:
    """How the execution ended; None while it runs. Raises botocore's errors."""
    try:
        described = machines().describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return MachineEnd("FAILED", "ExecutionLost", "Step Functions does not know it", unknown=True)
    if described["status"] == "RUNNING":
        return None
    return MachineEnd(described["status"], described.get("error"), described.get("cause"))


def record(run: OpenRun, end: MachineEnd, actor: str, now: datetime) -> bool:
    """Records the end of the machine of an open run, stops its work, and starts the next attempt if the machine broke. False if its
    outcome is recorded by now. What is due then is left in the outbox. A run whose work has succeeded as a whole is COMPLETED. Raises botocore's
    errors where a service does not say what it was asked to do."""
    launches.learn(runtime.state(), run.run_id, run.attempt, now)
    cause = readable(end.cause) or f"the execution ended {end.status} without recording an outcome"
    ended = runtime.state().end_lost_machine(
        run.run_id, run.attempt, end.error or end.status, cause, end.broke, RESTARTS, actor, now
    )
    for each in ended.stop:
        stop(JobRun.of(each))
    if ended.recorded:
        line = {
            "ended_without_outcome": 1,
            "execution": execution_arn(run),
            "error": end.error,
            "restarted": ended.restarted,
        }
        print(json.dumps(line))  # a line by itself: the template's metric filter counts `ended_without_outcome`
    return ended.recorded
