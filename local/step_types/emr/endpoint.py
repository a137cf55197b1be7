"""Steps that really run: the script of the step as a process, in turn as the cluster's concurrency has it, reported as EMR reports it.

The endpoint's own have ended at once, and send no events.
"""

import json
import threading
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import emr, ssm

from headgate.local.adapters.names import EMR_SCRIPTS
from headgate.local.adapters.service_events import publish
from headgate.local.adapters.settings import Settings
from headgate.local.adapters.shipped_code import found
from headgate.local.adapters.work import End, Order, Work
from headgate.local.step_types.emr_cluster.endpoint import CLUSTERS, Life

HOOKS = ("emr:_HANDLERS", "emr:_make_step", "emr:_steps", "emr:_clusters", "ssm:_parameters")
STATES = {"SUCCEEDED": "COMPLETED", "FAILED": "FAILED", "STOPPED": "CANCELLED", "TIMEOUT": "FAILED"}


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    yield "elasticmapreduce:AddJobFlowSteps", f"arn:aws:elasticmapreduce:{place}:cluster/{given['JobFlowId']}"


PERMISSIONS = {"aws-sdk:emr:addJobFlowSteps": _needed}


class Steps:
    """Runs, cancels and reports steps."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._works: dict[str, Work] = {}
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def add(self, given: dict[str, Any]) -> Any:
        """AddJobFlowSteps."""
        cluster = given["JobFlowId"]
        life = CLUSTERS.life(cluster)
        if life is None:
            return CLUSTERS.refused(cluster)
        steps = [emr._make_step(each) for each in given["Steps"]]
        for each in steps:
            each["Status"] = {"State": "PENDING", "StateChangeReason": {}}
        with self._lock:
            if cluster not in self._waiting:
                life.ended.append(lambda: self._lost(cluster))
            self._waiting.setdefault(cluster, []).extend(steps)
            emr._steps.setdefault(cluster, []).extend(steps)
            CLUSTERS.used(life, len(steps))
            self._start(cluster, life)
        return json_response({"StepIds": [each["Id"] for each in steps]})

    def cancel(self, given: dict[str, Any]) -> Any:
        """CancelSteps. One that has ended stays as it is."""
        answers = []
        for name in given["StepIds"]:
            with self._lock:
                work = self._works.get(name)
                waiting = [each for each in self._waiting.get(given["ClusterId"], []) if each["Id"] == name]
            if work:
                work.stop()
            elif waiting and (life := CLUSTERS.life(given["ClusterId"])):
                self._ended(given["ClusterId"], life, waiting[0], End("STOPPED"))
            answers.append({"StepId": name, "Status": "SUBMITTED" if work or waiting else "FAILED"})
        return json_response({"CancelStepsInfoList": answers})

    def describe(self, given: dict[str, Any]) -> Any:
        """DescribeStep. A step that was active when the endpoint ended, ended with it."""
        found = [each for each in emr._steps.get(given["ClusterId"], []) if each["Id"] == given["StepId"]]
        if not found:
            return error_response_json("InvalidRequestException", f"Step id '{given['StepId']}' is not valid.", 400)
        if found[0]["Status"]["State"] in ("PENDING", "RUNNING") and CLUSTERS.life(given["ClusterId"]) is None:
            found[0]["Status"]["State"] = "INTERRUPTED"
        return json_response({"Step": found[0]})

    def _start(self, cluster: str, life: Life) -> None:
        """Starts what may run now. Under the lock: work that ends at once waits for it."""
        waiting = self._waiting[cluster]
        running = sum(each["Id"] in self._works for each in emr._steps[cluster])
        for step in waiting[: max(0, emr._clusters[cluster]["StepConcurrencyLevel"] - running)]:
            waiting.remove(step)
            step["Status"]["State"] = "RUNNING"
            self._works[step["Id"]] = self._work(cluster, life, step)

    def _work(self, cluster: str, life: Life, step: dict[str, Any]) -> Work:
        return Work(
            self._settings, _order(self._settings, cluster, step), lambda end: self._ended(cluster, life, step, end)
        )

    def _ended(self, cluster: str, life: Life, step: dict[str, Any], end: End) -> None:
        alive = CLUSTERS.life(cluster) is life
        state = STATES[end.state] if alive or end.state != "STOPPED" else "INTERRUPTED"
        with self._lock:
            self._works.pop(step["Id"], None)
            if step in self._waiting[cluster]:
                self._waiting[cluster].remove(step)
            step["Status"].update(State=state, FailureDetails={"Message": end.message} if end.message else {})
            CLUSTERS.used(life, -1)
            if alive:
                self._start(cluster, life)
        detail = {
            "severity": "ERROR" if state == "FAILED" else "INFO", "actionOnFailure": step["ActionOnFailure"], "stepId": step["Id"],
            "name": step["Name"], "clusterId": cluster, "state": state, "message": end.message or f"Step {step['Id']} is {state}",
        }  # fmt: skip
        publish(self._settings, "aws.emr", "EMR Step Status Change", detail)

    def _lost(self, cluster: str) -> None:
        """What is on a cluster ends with it."""
        with self._lock:
            waiting, self._waiting[cluster] = self._waiting[cluster], []
            works = [self._works[each["Id"]] for each in emr._steps[cluster] if each["Id"] in self._works]
        for step in waiting:
            step["Status"]["State"] = "CANCELLED"
        for work in works:
            work.stop()


def _order(settings: Settings, cluster: str, step: dict[str, Any]) -> Order:
    """The script has the arguments of a Spark application, those behind it; of a command all."""
    job, given = step["Name"].split("/")[1], step["Config"]["Args"]
    script = json.loads((ssm._parameters.get(EMR_SCRIPTS + job) or {}).get("Value", "{}"))
    application = next((place for place, each in enumerate(given) if each.startswith("s3://")), -1)
    arguments = given[application + 1 :] if given[:1] == ["spark-submit"] else given
    file = script.get("script") or (found(settings, given[application]) if application >= 0 else None)
    return Order(
        job,
        f"{cluster}/{step['Id']}",
        str(file) if file else None,
        tuple(arguments),
        None,
        {"DATA": script.get("data", "")},
    )


def install(settings: Settings) -> None:
    steps = Steps(settings)
    emr._HANDLERS.update(AddJobFlowSteps=steps.add, CancelSteps=steps.cancel, DescribeStep=steps.describe)
