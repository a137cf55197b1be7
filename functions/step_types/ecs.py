"""Amazon ECS tasks. docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html"""

from datetime import datetime
from typing import Any

from clients import client
from contract import require
from job_run import FAILED, PREFIX, STOPPED, SUCCEEDED, Answer, Ended, JobRun, Launched, named_values
from step_types import console_address

RESOURCE, ARGUMENTS = "task", ["command", "environment"]
SOURCE, DETAIL_TYPE = "aws.ecs", "ECS Task State Change"


def ecs() -> Any:
    return client("ecs")


def ended(detail: dict[str, Any]) -> Ended | None:
    require(detail, "ecs-task-state-change", "detail")
    end = _end(detail)
    family = detail["taskDefinitionArn"].rpartition("/")[2].partition(":")[0]
    return Ended(detail["taskArn"], family, end.state, end.message) if end.state else None


def ask(job_run: JobRun) -> Answer:
    tasks = ecs().describe_tasks(cluster=_cluster(job_run), tasks=[job_run.job_run_id])["tasks"]
    return _end(tasks[0]) if tasks else Answer(FAILED, "ECS does not know this task any more")


def marked(arguments: dict[str, Any], mark: str) -> dict[str, Any]:
    """The mark is what the task is started by; RunTask takes a list of variables."""
    given = {"command": arguments["command"]} if "command" in arguments else {}
    if "environment" in arguments:
        given["environment"] = named_values(arguments["environment"])
    return given | {"started_by": _started_by(mark)}


def shipped(arguments: dict[str, Any], places: dict[str, Any]) -> dict[str, Any]:
    """A run is of the latest revision: one that is replaced cannot be run any more."""
    return arguments


def launched(job: str, settings: dict[str, Any], mark: str, since: datetime) -> list[Launched]:
    """ECS lists tasks by what they were started by, those that run and those that have stopped within the hour."""
    cluster = settings["cluster"]
    found = [
        name
        for status in ("RUNNING", "STOPPED")
        for name in ecs().list_tasks(cluster=cluster, startedBy=_started_by(mark), desiredStatus=status)["taskArns"]
    ]
    tasks = ecs().describe_tasks(cluster=cluster, tasks=found[:100])["tasks"] if found else []
    ends = {each["taskArn"]: _end(each) for each in tasks}
    return [Launched(name, end.state, end.message) for name, end in ends.items()]


def stop(job_run: JobRun) -> None:
    ecs().stop_task(cluster=_cluster(job_run), task=job_run.job_run_id, reason="Headgate")


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    task = job_run.job_run_id.rpartition("/")[2]
    page = f"ecs/v2/clusters/{_cluster(job_run)}/tasks/{task}/configuration?region={region}"
    return f"{console_address(region, partition)}/{page}"


def _end(task: dict[str, Any]) -> Answer:
    """How a task ended; an event and DescribeTasks give it alike. The container that decides is the one that the launch names."""
    if task["lastStatus"] != "STOPPED":
        return Answer(None)
    overrides = task.get("overrides", {}).get("containerOverrides", [])
    name = overrides[0]["name"] if overrides else None
    container: dict[str, Any] = next((each for each in task.get("containers", []) if each.get("name") == name), {})
    code = container.get("exitCode")
    if code == 0:
        return Answer(SUCCEEDED)
    exit_code = f"container {name} ended with exit code {code}" if code is not None else f"container {name} did not run"
    reasons = (exit_code, container.get("reason"), task.get("stoppedReason"))
    message = "; ".join(each for each in reasons if each)
    return Answer(STOPPED if task.get("stopCode") == "UserInitiated" else FAILED, message)


def _started_by(mark: str) -> str:
    return PREFIX + mark


def _cluster(job_run: JobRun) -> str:
    """`arn:<partition>:ecs:<region>:<account>:task/<cluster>/<id>`"""
    return job_run.job_run_id.split("/")[1]
