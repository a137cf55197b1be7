"""The table of costs in docs/deployment.md is what benchmarks/costs.py computes, from counts that are counted here."""

from collections import Counter
from typing import Any

import pytest

import runtime
from benchmarks import costs
from state.database import Database
from tests.fake_aws import FakeAws
from tests.handler_steps import ROOT, gate, glue_event, invoke, job, queue, refreshed, sample
from tests.state_world import World, at, external, product
from tests.test_template import RESOURCES, of_type

TODAY = "2026-11-20"


class Counting:
    """Counts the calls of functions, and of the database during them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.database, self._function = Counter[str](), Counter[str](), ""
        execute = Database.execute

        def counted(database: Database, *given: Any, **named: Any) -> Any:
            self.database[self._function] += 1
            return execute(database, *given, **named)

        monkeypatch.setattr(Database, "execute", counted)

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        self._function = function
        self.calls[function] += 1
        return invoke(function, event)

    def clear(self) -> None:
        self.calls.clear()
        self.database.clear()


@pytest.fixture
def counting(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Counting:
    """d1/ds1 waits for raw/rd1; its run is open."""
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 06:00"))
    entry = product("raw/rd1", name="ds1")
    world.load({"raw/rd1": external(), "d1/ds1": entry}, at(f"{TODAY} 00:00"))
    found = Counting(monkeypatch)
    found.invoke("scheduler", sample("scheduler"))
    return found


def play(world: World, counting: Counting) -> None:
    """The run as it goes on AWS, from the moment its machine has started."""
    run = world.run("d1/ds1", TODAY)
    named = {"run_id": str(run["run_id"]), "attempt": 1, "execution_arn": gate("x")["execution_arn"]}
    own = {"run_id": named["run_id"], "attempt": 1, "cycle": ""}
    counting.clear()
    counting.invoke("dependency_gate", gate(named["run_id"]))
    counting.invoke("refresh_events", queue(refreshed("raw/rd1")))
    counting.invoke("pipeline_configuration", named)
    started = refreshed("d1/ds1", status="STARTED", **own) | {"detail-type": "Data Product Started"}
    counting.invoke("refresh_events", queue(started))
    counting.invoke("job_tracker", job(named["run_id"]))
    counting.invoke("job_status", queue(glue_event("SUCCEEDED")))
    counting.invoke("outcome_recorder", {**named, "status": "COMPLETED"})
    counting.invoke("refresh_events", queue(refreshed("d1/ds1", **own)))
    assert world.run("d1/ds1", TODAY)["status"] == "COMPLETED"


def test_a_run_calls_functions_and_the_database_as_often_as_its_costs_say(world: World, counting: Counting) -> None:
    play(world, counting)
    assert counting.calls == costs.CALLS
    assert counting.database == costs.DATABASE_CALLS


def test_so_does_a_tick_that_finds_nothing_to_do(world: World, counting: Counting) -> None:
    play(world, counting)
    counting.clear()
    counting.invoke("scheduler", sample("scheduler"))
    counting.invoke("monitor", {})
    assert counting.database == costs.TICK_CALLS


def test_the_costs_count_what_the_template_has() -> None:
    alarms = [name for name in of_type("AWS::CloudWatch::Alarm") if RESOURCES[name].get("Condition") != "FeedsBoard"]
    assert len(alarms) == costs.ALARMS, "the hosted board has one more"
    transformations = (
        each for filters in of_type("AWS::Logs::MetricFilter").values() for each in filters["MetricTransformations"]
    )
    assert len({str(each["MetricName"]) for each in transformations}) == costs.METRICS
    managed = sum("ManageMasterUserPassword" in each for each in of_type("AWS::RDS::DBCluster").values())
    assert len(of_type("AWS::SecretsManager::Secret")) + managed == costs.SECRETS
    assert RESOURCES["SchedulerTick"]["Properties"]["ScheduleExpression"] == {"Ref": "TickExpression"}


def test_the_table_in_the_documentation_is_the_computed_one() -> None:
    assert costs.table() in (ROOT / "docs/deployment.md").read_text("utf-8"), "python benchmarks/costs.py"
