"""A cluster that several products share: the first one launches it, the others wait until it is ready, the last one frees it."""

from datetime import timedelta
from typing import Any

import pytest

import runtime
from step_types import emr, emr_cluster
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke, queue
from tests.state_world import World, at, external, product
from tests.step_types.emr_world import Emr

NAME = "d1/nightly"
CLUSTER = {
    "name": "cluster",
    "type": "emr_cluster",
    "resource": NAME,
    "arguments": {},
    "settings": {"shared": True},
    "timeout": 1800,
    "retry": None,
}
STEP = {
    "name": "clean",
    "type": "emr",
    "resource": "clean",
    "settings": {},
    "timeout": 1800,
    "retry": None,
    "arguments": {"command": ["ls"]},
}
LAUNCH: dict[str, Any] = {"launch": "yes"}


class Night:
    """Products of d1 that share a cluster."""

    def __init__(self, world: World, aws: FakeAws, service: Emr, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.aws, self.service, self._patch = world, aws, service, monkeypatch

    def run(self, name: str) -> str:
        return str(self.world.run(f"d1/{name}", TODAY)["run_id"])

    def begin(self, *names: str) -> None:
        for name in names:
            self.world.event(f"raw/{name}", TODAY, NOW)
            arn = "arn:aws:states:x:1:execution:m:e"
            given = {
                "action": "await",
                "run_id": self.run(name),
                "attempt": 1,
                "execution_arn": arn,
                "task_token": f"wait {name}",
            }
            invoke("dependency_gate", given)
            invoke("pipeline_configuration", {"run_id": self.run(name), "attempt": 1})

    def join(self, name: str, token: str = "") -> str:
        given = {
            "action": "join",
            "run_id": self.run(name),
            "attempt": 1,
            "cluster": NAME,
            "task_token": token or f"join {name}",
        }
        return str(invoke("job_tracker", given)["decision"])

    def launch(self, name: str, cluster: str = "j-1") -> None:
        """The machine of the product has launched the cluster and records it."""
        run = self.run(name)
        self.service.clusters[cluster] = {"name": f"headgate/{NAME}/{run}/1/cluster", "state": "STARTING"}
        named = {
            "step": "cluster",
            "type": "emr_cluster",
            "job": NAME,
            "job_run_id": cluster,
            "handle": {"shared": True},
        }
        invoke(
            "job_tracker", {"action": "await", "run_id": run, "attempt": 1, "task_token": f"launched {name}", **named}
        )

    def reported(self, state: str, cluster: str = "j-1") -> None:
        self.service.clusters[cluster]["state"] = state
        detail = {"clusterId": cluster, "name": self.service.clusters[cluster]["name"], "state": state}
        invoke("job_status", queue({"source": "aws.emr", "detail-type": "EMR Cluster State Change", "detail": detail}))

    def release(self, name: str) -> list[str]:
        released: list[str] = invoke("job_tracker", {"action": "release", "run_id": self.run(name), "attempt": 1})[
            "released"
        ]
        return released

    def end(self, name: str, status: str = "COMPLETED") -> None:
        given = {"error": "JobFailed", "cause": "x"} if status == "ERROR" else {}
        invoke("outcome_recorder", {"status": status, "run_id": self.run(name), "attempt": 1, **given})

    def answer(self, token: str) -> Any:
        found = [answer for given, answer in self.aws.answered if given == token]
        assert len(found) <= 1
        return found[0] if found else None

    def tick(self) -> None:
        self._patch.setattr(runtime, "now", lambda: NOW + timedelta(minutes=20))
        invoke("monitor", {})


@pytest.fixture
def night(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Night:
    service = Emr()
    monkeypatch.setattr(emr, "emr", lambda: service)
    monkeypatch.setattr(emr_cluster, "emr", lambda: service)
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    steps = {"timeout": None, "steps": [CLUSTER, STEP]}
    names = ("one", "two", "three")
    made = {f"d1/{each}": product(f"raw/{each}", name=each, schedule="06:00", pipeline=steps) for each in names}
    world.load({f"raw/{each}": external() for each in names} | made, at(f"{TODAY} 00:00"))
    invoke("scheduler", {})
    return Night(world, aws, service, monkeypatch)


def without(night: Night, *names: str) -> None:
    """These products have no run today."""
    for name in names:
        invoke("operate", {"action": "skip", "product": f"d1/{name}", "business_date": TODAY, "actor": "ann"})


def test_the_first_launches_it_the_others_wait_and_the_last_frees_it(night: Night) -> None:
    without(night, "three")
    night.begin("one", "two")
    assert night.join("one") == "launch"
    assert night.answer("join one") == LAUNCH
    assert night.join("two") == "wait", "before the launch is recorded"
    night.launch("one")
    assert night.answer("join two") is None
    night.reported("WAITING")
    assert night.answer("launched one") == night.answer("join two") == {"job_run_id": "j-1", "launch": "no"}

    assert night.release("one") == []
    night.end("one")
    assert night.service.terminated == []
    assert night.release("two") == ["j-1"]
    night.end("two")
    assert night.service.terminated == ["j-1"]


def test_who_comes_later_uses_it_at_once_and_who_is_expected_keeps_it(night: Night) -> None:
    night.begin("one")
    night.join("one")
    night.launch("one")
    night.reported("WAITING")
    assert night.release("one") == [], "two and three wait for their inputs"
    night.end("one")
    night.tick()
    assert night.service.terminated == []

    night.begin("two")
    assert night.join("two") == "ready"
    assert night.answer("join two") == {"job_run_id": "j-1", "launch": "no"}
    without(night, "three")
    assert night.release("two") == ["j-1"]
    night.end("two")


def test_a_cluster_that_is_to_be_freed_is_joined_by_nobody(night: Night) -> None:
    without(night, "three")
    night.begin("one", "two")
    night.join("one")
    night.launch("one")
    night.reported("WAITING")
    assert night.release("one") == ["j-1"]
    assert night.join("two") == "launch"


def test_the_end_of_the_run_that_launched_it_leaves_it_to_the_others(night: Night) -> None:
    """It failed, and all that is left of its attempt is stopped."""
    without(night, "three")
    night.begin("one", "two")
    night.join("one")
    night.launch("one")
    night.join("two")
    night.reported("WAITING")
    night.end("one", "ERROR")
    night.tick()
    assert night.service.terminated == []
    invoke("operate", {"action": "cancel", "product": "d1/two", "business_date": TODAY, "actor": "ann"})
    night.tick()
    assert night.service.terminated == ["j-1"], "the monitor finds that nobody uses it"


def test_who_waits_for_a_cluster_that_ends_has_lost_it_and_launches_another(night: Night) -> None:
    night.begin("one", "two")
    night.join("one")
    night.launch("one")
    night.join("two")
    night.reported("TERMINATED_WITH_ERRORS")
    assert night.answer("launched one") == night.answer("join two") == "ClusterLost"
    assert night.join("two", "again two") == "launch"
    assert night.join("one", "again one") == "wait"


def test_who_waits_for_a_launch_whose_machine_died_launches_it_in_the_next_try(night: Night) -> None:
    night.begin("one", "two")
    night.join("one")
    night.join("two")
    night.end("one", "ERROR")
    assert night.join("two", "again two") == "launch"


def test_a_call_that_is_repeated_decides_the_same(night: Night) -> None:
    """Its first answer went to a token that nobody waits for any more."""
    night.begin("one")
    assert night.join("one", "first") == night.join("one", "second") == "launch"
    assert night.answer("second") == LAUNCH


def test_a_step_that_nobody_recorded_is_cancelled_on_the_cluster_that_others_go_on_using(night: Night) -> None:
    """The machine releases the cluster before it records the failure."""
    without(night, "three")
    night.begin("one", "two")
    night.join("one")
    night.launch("one")
    night.join("two")
    night.reported("WAITING")
    night.service.steps["j-1/s-1"] = {"name": f"headgate/clean/{night.run('two')}/1/clean", "state": "RUNNING"}
    assert night.release("two") == []
    night.end("two", "ERROR")
    assert (night.service.cancelled, night.service.terminated) == ([("j-1", "s-1")], [])
