"""Tasks that really run: the script of the task as a process of its own, reported as ECS reports it.

The endpoint would ask a container engine, sends no `ECS Task State Change`, and knows no client token. A task has one container.
"""

import threading
import uuid
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import ecs

from headgate.local.adapters.names import INSTANT
from headgate.local.adapters.service_events import publish
from headgate.local.adapters.settings import Settings
from headgate.local.adapters.work import End, Order, Work

HOOKS = ("ecs:_ACTION_MAP", "ecs:_task_defs", "ecs:_clusters")
KILLED = 137  # the exit code of a container that was stopped


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    yield "ecs:RunTask", f"arn:aws:ecs:{place}:task-definition/{given['TaskDefinition']}:1"


def _resource(path: str, given: dict[str, Any]) -> str | None:
    """A task by its ARN, which names its cluster."""
    named = given.get("task") or next(iter(given.get("tasks", [])), None)
    return str(named) if named else None


PERMISSIONS = {"aws-sdk:ecs:runTask": _needed}
RESOURCES = {"ecs": _resource}


class Tasks:
    """Starts, stops and reports tasks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tasks: dict[str, dict[str, Any]] = {}
        self._works: dict[str, Work] = {}
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    def run(self, given: dict[str, Any]) -> Any:
        """RunTask: with a token that was used before it gives the task of before."""
        family, cluster = given["taskDefinition"], given.get("cluster", "default")
        if cluster not in ecs._clusters:
            return error_response_json("ClusterNotFoundException", "Cluster not found.", 400)
        revisions = [each for each in ecs._task_defs.values() if each["family"] == family]
        if not revisions:
            return error_response_json("ClientException", "TaskDefinition not found.", 400)
        definition, token = max(revisions, key=lambda each: int(each["revision"])), given.get("clientToken")
        with self._lock:
            if token in self._tokens:
                return json_response({"tasks": [self._tasks[self._tokens[token]]], "failures": []})
            arn = f"arn:aws:ecs:{get_region()}:{get_account_id()}:task/{cluster}/{uuid.uuid4().hex}"
            task = self._tasks[arn] = {
                "taskArn": arn, "clusterArn": f"arn:aws:ecs:{get_region()}:{get_account_id()}:cluster/{cluster}",
                "taskDefinitionArn": definition["taskDefinitionArn"], "group": f"family:{family}", "startedBy": given.get("startedBy", ""),
                "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "overrides": given.get("overrides", {"containerOverrides": []}),
                "containers": [{"name": definition["containerDefinitions"][0]["name"], "lastStatus": "RUNNING"}],
            }  # fmt: skip
            if token:
                self._tokens[token] = arn
            # under the lock: work that ends at once waits for it
            self._works[arn] = Work(self._settings, _order(definition, task), lambda end: self._ended(task, end))
        return json_response({"tasks": [task], "failures": []})

    def describe(self, given: dict[str, Any]) -> Any:
        """DescribeTasks. A task of before a restart is missing."""
        missing = [{"arn": each, "reason": "MISSING"} for each in given["tasks"] if each not in self._tasks]
        found = [self._tasks[each] for each in given["tasks"] if each in self._tasks]
        return json_response({"tasks": found, "failures": missing})

    def list(self, given: dict[str, Any]) -> Any:
        """ListTasks, by what they were started by."""
        wanted = (given.get("startedBy"), given.get("desiredStatus", "RUNNING"))
        found = [arn for arn, each in self._tasks.items() if (each["startedBy"], each["desiredStatus"]) == wanted]
        return json_response({"taskArns": found})

    def stop(self, given: dict[str, Any]) -> Any:
        """StopTask."""
        task = self._tasks.get(given["task"])
        if task is None:
            return error_response_json("InvalidParameterException", "The referenced task was not found.", 400)
        with self._lock:
            if task["lastStatus"] != "STOPPED":
                task["desiredStatus"] = "STOPPED"
                self._works[given["task"]].stop()
        return json_response({"task": task})

    def _ended(self, task: dict[str, Any], end: End) -> None:
        stopped = end.state == "STOPPED"
        code = KILLED if end.code is None and end.state != "SUCCEEDED" else end.code or 0
        with self._lock:
            task.update(
                lastStatus="STOPPED", desiredStatus="STOPPED",
                stopCode="UserInitiated" if stopped else "EssentialContainerExited",
                stoppedReason="Task stopped by user" if stopped else "Essential container in task exited",
                containers=[{**task["containers"][0], "lastStatus": "STOPPED", "exitCode": code, **({"reason": end.message} if end.message else {})}],
            )  # fmt: skip
            self._works.pop(task["taskArn"], None)
        publish(self._settings, "aws.ecs", "ECS Task State Change", task, (task["taskArn"],))


def _order(definition: dict[str, Any], task: dict[str, Any]) -> Order:
    container = definition["containerDefinitions"][0]
    overrides: dict[str, Any] = next(iter(task["overrides"].get("containerOverrides", [])), {})
    script = None if container["image"] == INSTANT else container["image"]
    given = [*container.get("environment", []), *overrides.get("environment", [])]
    variables = {each["name"]: each["value"] for each in given}
    return Order(definition["family"], task["taskArn"], script, tuple(overrides.get("command", [])), None, variables)


def install(settings: Settings) -> None:
    tasks = Tasks(settings)
    ecs._ACTION_MAP.update(RunTask=tasks.run, DescribeTasks=tasks.describe, ListTasks=tasks.list, StopTask=tasks.stop)
