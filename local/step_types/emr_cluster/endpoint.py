"""Clusters that take time to start, are ready, end when nothing uses them, and report it as EMR does.

The endpoint's own are ready at once, send no events and stay for ever. A machine cannot reach them.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import emr
from ministack.services import stepfunctions as engine

from headgate.local.adapters.service_events import publish
from headgate.local.adapters.settings import Settings

HOOKS = (
    "emr:_HANDLERS", "emr:_clusters", "emr:_steps", "emr:_run_job_flow", "emr:_describe_cluster",
    "stepfunctions:_AWS_SDK_SERVICE_MAP", "stepfunctions:_AWS_SDK_ERROR_PREFIX",
)  # fmt: skip
START = 240  # seconds that a cluster takes to start where the scenario says nothing
ALIVE = ("STARTING", "RUNNING", "WAITING")


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    account = place.rpartition(":")[2]
    yield "elasticmapreduce:RunJobFlow", "*"
    yield "elasticmapreduce:AddTags", f"arn:aws:elasticmapreduce:{place}:cluster/*"
    yield "elasticmapreduce:PutAutoTerminationPolicy", f"arn:aws:elasticmapreduce:{place}:cluster/*"
    for role in (given["ServiceRole"], given["JobFlowRole"]):
        yield "iam:PassRole", f"arn:aws:iam::{account}:role/{role}"


def _resource(path: str, given: dict[str, Any]) -> str | None:
    """A cluster, also for the calls about its steps."""
    named = given.get("ClusterId") or given.get("JobFlowId") or next(iter(given.get("JobFlowIds", [])), None)
    return f"arn:aws:elasticmapreduce:{get_region()}:{get_account_id()}:cluster/{named}" if named else None


def _tags(arn: str) -> dict[str, str]:
    cluster = emr._clusters.get(arn.rpartition("/")[2]) or {}
    return {each["Key"]: each["Value"] for each in cluster.get("Tags", [])}


PERMISSIONS = {"aws-sdk:emr:runJobFlow": _needed}
RESOURCES = {"elasticmapreduce": _resource}
TAGS = {"elasticmapreduce": _tags}


@dataclass
class Life:
    """A cluster that has not ended: the signal to end it, the reason for that, how many steps it has, and since when none."""

    signal: Any
    idle: int
    idle_since: float
    reason: tuple[str, str] | None = None
    active: int = 0
    ended: list[Callable[[], None]] = field(default_factory=list)


class Clusters:
    """Starts, ends and reports clusters. The adapter of steps says when one is used (`used`), and is notified of its end."""

    def __init__(self) -> None:
        self._lives: dict[str, Life] = {}
        self._settings: Settings | None = None

    def install(self, settings: Settings) -> None:
        self._settings = settings
        emr._HANDLERS.update(
            RunJobFlow=self.run, DescribeCluster=self.describe, TerminateJobFlows=self.terminate, ListClusters=self.list
        )
        engine._AWS_SDK_SERVICE_MAP["emr"] = {
            "target_prefix": "ElasticMapReduce",
            "protocol": "json",
            "service_key": "elasticmapreduce",
        }
        engine._AWS_SDK_ERROR_PREFIX["emr"] = "Emr"

    def run(self, given: dict[str, Any]) -> Any:
        """RunJobFlow."""
        assert self._settings
        answer = emr._run_job_flow(given)
        if answer[0] >= 400:
            return answer
        name, clock = json.loads(answer[2])["JobFlowId"], self._settings.clock
        cluster = emr._clusters[name]
        cluster["Status"].update(State="STARTING", Timeline={"CreationDateTime": int(clock.time())})
        life = Life(clock.event(), given.get("AutoTerminationPolicy", {}).get("IdleTimeout", 3600), 0.0)
        self._lives[name] = life
        run = copy_context().run
        target = clock.counted(lambda: run(self._live, cluster, life))
        threading.Thread(target=target, daemon=True, name=cluster["Name"]).start()
        return answer

    def describe(self, given: dict[str, Any]) -> Any:
        """DescribeCluster. A cluster that lived when the endpoint ended, ended with it."""
        self._end_lost()
        return emr._describe_cluster(given)

    def list(self, given: dict[str, Any]) -> Any:
        """ListClusters, the latest first, all on one page."""
        self._end_lost()
        states, since = given.get("ClusterStates", []), given.get("CreatedAfter", 0)
        found = [
            {key: each[key] for key in ("Id", "Name", "Status")}
            for each in reversed(list(emr._clusters.values()))
            if (not states or each["Status"]["State"] in states)
            and each["Status"]["Timeline"]["CreationDateTime"] >= since
        ]
        return json_response({"Clusters": found})

    def terminate(self, given: dict[str, Any]) -> Any:
        """TerminateJobFlows. One that has ended stays as it is."""
        for name in given["JobFlowIds"]:
            self._end(name, "USER_REQUEST", "Terminated by user request")
        return json_response({})

    def life(self, name: str) -> Life | None:
        """None for a cluster that has ended."""
        return self._lives.get(name)

    def used(self, life: Life, by: int) -> None:
        """So many steps more run or wait on the cluster."""
        assert self._settings
        life.active += by
        life.idle_since = self._settings.clock.time()

    def refused(self, name: str) -> Any:
        """The answer to a call for a cluster that has ended, or never was."""
        return error_response_json("InvalidRequestException", f"Cluster id '{name}' is not valid.", 400)

    def _end(self, name: str, code: str, message: str) -> None:
        if life := self._lives.get(name):
            life.reason = life.reason or (code, message)
            life.signal.set()

    def _live(self, cluster: dict[str, Any], life: Life) -> None:
        assert self._settings
        clock = self._settings.clock
        job = cluster["Name"].removeprefix("headgate/").rsplit("/", 3)[0]
        behaviour = self._settings.next_behaviour(job)
        life.signal.wait(None if behaviour.get("hangs") else float(behaviour.get("takes", START)))
        if life.reason is None and "fails" in behaviour:
            self._ended(cluster, life, "TERMINATED_WITH_ERRORS", ("BOOTSTRAP_FAILURE", str(behaviour["fails"])))
            return
        if life.reason is None:
            life.idle_since = clock.time()
            cluster["Status"].update(State="WAITING")
            self._report(cluster)
        while life.reason is None:
            left = life.idle if life.active else life.idle_since + life.idle - clock.time()
            if left <= 0:
                life.reason = ("AUTO_TERMINATION", "Auto-terminated: no step ran")
            else:
                life.signal.wait(left)
        self._ended(cluster, life, "TERMINATED", life.reason)

    def _ended(self, cluster: dict[str, Any], life: Life, state: str, reason: tuple[str, str]) -> None:
        self._lives.pop(cluster["Id"], None)
        cluster["Status"].update(State=state, StateChangeReason={"Code": reason[0], "Message": reason[1]})
        for each in life.ended:
            each()
        self._report(cluster)

    def _report(self, cluster: dict[str, Any]) -> None:
        assert self._settings
        status = cluster["Status"]
        reason = {key.lower(): value for key, value in status["StateChangeReason"].items()}
        detail = {
            "severity": "ERROR" if status["State"].endswith("ERRORS") else "INFO", "clusterId": cluster["Id"], "name": cluster["Name"],
            "state": status["State"], "stateChangeReason": json.dumps(reason), "message": f"Amazon EMR Cluster {cluster['Id']} is {status['State']}",
        }  # fmt: skip
        publish(self._settings, "aws.emr", "EMR Cluster State Change", detail)

    def _end_lost(self) -> None:
        for each in emr._clusters.values():
            if each["Status"]["State"] in ALIVE and each["Id"] not in self._lives:
                reason = {"Code": "INTERNAL_ERROR", "Message": "the machine it ran on was restarted"}
                each["Status"].update(State="TERMINATED_WITH_ERRORS", StateChangeReason=reason)


CLUSTERS = Clusters()


def install(settings: Settings) -> None:
    CLUSTERS.install(settings)
