"""Attempts as run events of OpenLineage: what they say, that they keep its schemas, and that no receiver keeps a run back."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

import lineage
import runtime
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke
from tests.state_world import World, at, daily, external, product

SCHEMAS = [
    json.loads(path.read_text("utf-8")) for path in sorted((Path(__file__).parent / "openlineage").glob("*.json"))
]
REGISTRY: Registry[Any] = Registry().with_resources([(each["$id"], Resource.from_contents(each)) for each in SCHEMAS])
ORDERS = {"namespace": "snowflake://acme", "name": "sales.public.orders"}
LINEAGE = {"publish": {"refresh_event": True, "visibility": "mesh", "openlineage": True}}


def problems(event: dict[str, Any]) -> list[str]:
    """Where the event, or one of its facets, breaks the schema that it names."""
    facets = {**event["run"]["facets"], **event["job"]["facets"]}
    named = [(event["schemaURL"], event), *((each["_schemaURL"], each) for each in facets.values())]
    return [
        f"{url}: {error.json_path}: {error.message}"
        for url, part in named
        for error in Draft202012Validator({"$ref": url}, registry=REGISTRY, format_checker=FormatChecker()).iter_errors(
            part
        )
    ]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)


def day(world: World, **more: Any) -> str:
    """d1/report waits for raw/orders, which has a dataset, and for raw/rd2; its run is open. Gives the run's id."""
    report = product(["raw/orders", "raw/rd2"], name="report", description="Orders by region", **{**LINEAGE, **more})
    world.load(
        {"raw/orders": {**external(), "dataset": ORDERS}, "raw/rd2": external(), "d1/report": report},
        at(f"{TODAY} 00:00"),
    )
    invoke("scheduler", {})
    for each in ("raw/orders", "raw/rd2"):
        world.event(each, TODAY, NOW)
    run = str(world.run("d1/report", TODAY)["run_id"])
    invoke(
        "dependency_gate", {"action": "await", "run_id": run, "attempt": 1, "task_token": "t", "execution_arn": "arn:x"}
    )
    return run


def finish(run: str, status: str = "COMPLETED", attempt: int = 1, **more: Any) -> None:
    invoke("outcome_recorder", {"run_id": run, "attempt": attempt, "status": status, **more})


def emitted(aws: FakeAws) -> list[dict[str, Any]]:
    """The run events that were put on the domain bus, each of which keeps the schemas."""
    entries = [each for each in aws.events if each["DetailType"] == "OpenLineage RunEvent"]
    assert {each["EventBusName"].rsplit("/", 1)[-1] for each in entries} <= {"domain"}
    events = [json.loads(each["Detail"]) for each in entries]
    assert [problem for each in events for problem in problems(each)] == []
    return events


def test_the_schemas_refuse_what_is_none() -> None:
    event = {"schemaURL": lineage.EVENT, "run": {"runId": "1", "facets": {"a": {"_schemaURL": f"{lineage.SPEC}/facets/1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet"}}}, "job": {"facets": {}}}  # fmt: skip
    assert len(problems(event)) >= 3


def test_a_run_starts_and_completes_with_its_inputs_and_outputs(world: World, aws: FakeAws, clock: None) -> None:
    run = day(world, schedule=daily("00:15", timezone="America/Chicago"))
    assert emitted(aws) == [], "it has not started"
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    finish(run)

    start, complete = emitted(aws)
    assert [start["eventType"], complete["eventType"]] == ["START", "COMPLETE"]
    assert start["run"]["runId"] == complete["run"]["runId"] == lineage.run_id(run, 1)
    assert complete["job"]["namespace"] == "headgate"
    assert complete["job"]["name"] == "d1.report"
    assert complete["inputs"] == [ORDERS, {"namespace": "headgate", "name": "raw.rd2"}]
    assert complete["outputs"] == [{"namespace": "headgate", "name": "d1.report"}]
    facets = complete["run"]["facets"] | complete["job"]["facets"]
    assert facets["nominalTime"]["nominalStartTime"] == f"{TODAY}T00:00:00-06:00", (
        "the business date by the clock of the schedule"
    )
    assert facets["parent"]["job"]["name"] == "d1"
    assert facets["documentation"]["description"] == "Orders by region"
    assert facets["ownership"]["owners"] == [{"name": "team:team", "type": "MAINTAINER"}]
    assert "errorMessage" not in facets


def test_a_failure_says_why_and_its_rerun_is_another_run(world: World, aws: FakeAws, clock: None) -> None:
    run = day(world, dataset={"namespace": "s3://lake", "name": "report"})
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    finish(run, "ERROR", error="JobFailed", cause="no such column")
    invoke("operate", {"action": "rerun", "product": "d1/report", "business_date": TODAY, "actor": "ann"})
    invoke("pipeline_configuration", {"run_id": run, "attempt": 2})

    start, fail, again = emitted(aws)
    assert [start["eventType"], fail["eventType"], again["eventType"]] == ["START", "FAIL", "START"]
    assert fail["run"]["facets"]["errorMessage"]["message"] == "JobFailed: no such column"
    assert fail["outputs"] == [{"namespace": "s3://lake", "name": "report"}]
    assert again["run"]["runId"] == lineage.run_id(run, 2) != fail["run"]["runId"]
    assert again["run"]["facets"]["parent"] == fail["run"]["facets"]["parent"], "the day of the domain"


def test_a_cancelled_run_that_never_began_has_its_start_as_well(world: World, aws: FakeAws, clock: None) -> None:
    """OpenLineage wants one START for each end."""
    run = day(world)
    invoke(
        "operate",
        {"action": "cancel", "product": "d1/report", "business_date": TODAY, "actor": "ann", "reason": "not needed"},
    )
    assert sorted(each["eventType"] for each in emitted(aws)) == ["ABORT", "START"]
    assert {each["run"]["runId"] for each in emitted(aws)} == {lineage.run_id(run, 1)}


def test_without_the_key_nothing_is_published(world: World, aws: FakeAws, clock: None) -> None:
    run = day(world, publish={"refresh_event": True, "visibility": "mesh"})
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    finish(run)
    assert emitted(aws) == []


def test_a_run_that_publishes_no_refresh_event_has_its_run_events(world: World, aws: FakeAws, clock: None) -> None:
    run = day(world, publish={"refresh_event": False, "visibility": "domain", "openlineage": True})
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    assert [each["eventType"] for each in emitted(aws)] == ["START"]


def test_a_bus_that_refuses_them_keeps_no_run_back(
    world: World, aws: FakeAws, clock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = day(world)
    aws.broken["PutEvents"] = "AccessDeniedException"
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    finish(run)
    assert world.run("d1/report", TODAY)["status"] == "COMPLETED"
    assert emitted(aws) == []

    aws.broken.clear()
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(minutes=20))
    invoke("monitor", {})
    assert sorted(each["eventType"] for each in emitted(aws)) == ["COMPLETE", "START"]
    assert {each["eventTime"][:19] for each in emitted(aws)} == {f"{TODAY}T06:30:00"}, "when it happened"


def test_a_cycle_is_part_of_the_nominal_time(world: World, aws: FakeAws, clock: None) -> None:
    india = daily("09:30", "14:30", timezone="Asia/Kolkata")
    world.load({"d1/report": product(name="report", schedule=india, **LINEAGE)}, at(f"{TODAY} 00:00"))
    invoke("scheduler", {})
    run = world.run("d1/report", TODAY, "0930")
    world.sql("SELECT store_lineage(r, 'STARTED', now()) FROM data_product_status r WHERE run_id = %s", run["run_id"])
    ((nominal,),) = world.sql("SELECT payload ->> 'nominal_time' FROM effect WHERE kind = 'lineage'")
    assert nominal == f"{TODAY}T09:30:00+05:30"
