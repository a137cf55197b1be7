"""A day that begins in other systems: dbt, a state machine, a table and an object start a product, and its own run is reported to OpenLineage."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import nominal_time_run

from headgate.local import runtime as local_runtime
from headgate.local import scenario
from headgate.local.buckets import make_buckets, put_file
from headgate.local.player import perform
from headgate.local.provisioning import provision
from headgate.local.scenario import Moment
from headgate.local.stack import Places
from tests.headgate_command import headgate
from tests.local_application import ROOT, deploy, needs_sam
from tests.signal_steps import execution, table_change
from tests.state_world import at, in_soak
from tests.test_lineage import problems

pytestmark = [pytest.mark.slow, needs_sam]
DAY = "2026-11-20"
PRODUCTS = {
    "sales/orders": 'signal: {openlineage: {namespace: "snowflake://acme", name: sales.public.orders}, date: {nominal_time: true}}',
    "sales/customers": "signal: {states: {machine: load-orders}, date: {input: run.date}}",
    "sales/returns": r"signal: {table: {database: sales, name: orders, partition: '\[(?P<date>[\d-]{10})\]'}, date: {group: date}, settle: 2m}",
    "sales/prices": r"signal: {object: {bucket: 'vendor-{account}', prefix: out/, pattern: '(?P<date>\d{8})\.csv'}, date: {group: date}}",
    "sales/report": "depends_on: {all_of: [sales/orders, sales/customers, sales/returns, sales/prices]}\n"
    "pipeline: {steps: [{name: build, glue: {job: sales-report}}]}\npublish: {openlineage: true}",
}
SCENARIO = scenario.Scenario(at(DAY).date(), ZoneInfo("UTC"), at(f"{DAY} 05:00"), at(f"{DAY} 23:00"))


def laid_out(folder: Path) -> Places:
    """The products and what is generated for them, with the project of this repository."""
    (folder / "products/sales").mkdir(parents=True)
    (folder / "products/sales/domain.yaml").write_text("owner: sales\n")
    for name, text in PRODUCTS.items():
        (folder / f"products/{name}.yaml").write_text(f"description: A product of {name}\n{text}\n")
    done = headgate("generate", "--products", str(folder / "products"), "--out", str(folder / "statemachines"))
    assert done.returncode == 0, done.stdout + done.stderr
    return Places(ROOT, folder / "statemachines", folder / "runtime")


def aws_event(event: dict[str, object]) -> Moment:
    return Moment(
        at(DAY), signal={"source": event["source"], "detail_type": event["detail-type"], "detail": event["detail"]}
    )


@in_soak
def test_a_run_of_dbt_and_three_others_start_a_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = laid_out(tmp_path)
    catalog = json.loads((places.statemachines / "catalog/catalog.json").read_text("utf-8"))
    with local_runtime.running(places, starts=SCENARIO.starts) as running:
        deploy(running)
        provision(running, catalog, None, tmp_path / "data")
        make_buckets(running, catalog)
        for name, value in running.environment.items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)

        # dbt, by its own client of OpenLineage
        transport = {"type": "headgate_jobs.lineage.EventBridgeTransport", "bus": running.outputs["DomainEventBusArn"]}
        facets: dict[str, Any] = {
            "nominalTime": nominal_time_run.NominalTimeRunFacet(nominalStartTime=f"{DAY}T00:00:00Z")
        }
        client = OpenLineageClient(config={"transport": transport})
        for state in (RunState.START, RunState.COMPLETE):
            run = Run(runId="01234567-89ab-7def-8123-000000000001", facets=facets)
            client.emit(
                RunEvent(
                    eventType=state, eventTime=f"{DAY}T05:10:00Z", run=run, job=Job("dbt", "sales.orders"), producer="https://example.com",
                    outputs=[OutputDataset("snowflake://acme", "sales.public.orders")],
                )
            )  # fmt: skip
        machine = "arn:aws:states:us-east-1:000000000000:stateMachine:load-orders"
        arns = {"stateMachineArn": machine, "executionArn": machine.replace("stateMachine", "execution") + ":e1"}
        perform(running, aws_event(execution(stopped="05:05", **arns)), SCENARIO, tmp_path)
        perform(running, aws_event(table_change("1", f"[{DAY}]")), SCENARIO, tmp_path)
        put_file(running, "vendor-{account}", f"out/{DAY.replace('-', '')}.csv", b"a,b")

        running.control.wait_until_idle()
        question = {"question": "why", "product": "sales/report", "business_date": DAY}
        run_of = running.call("InquireFunctionName", question)["run"]
        assert {each["product"] for each in run_of["arrived"]} == {"sales/orders", "sales/customers", "sales/prices"}
        assert run_of["status"] == "WAITING", "the table settles first"

        for _ in range(20):  # what is due happens moment by moment: the table settles, the job runs
            running.control.jump(running.control.wait_until_idle()["next"])
            running.control.wait_until_idle()
            run_of = running.call("InquireFunctionName", question)["run"]
            if run_of["status"] == "COMPLETED":
                break
        assert run_of["status"] == "COMPLETED", run_of
        assert running.dead_letters() == 0

        events = running.control.lineage()
        assert sorted(each["eventType"] for each in events) == ["COMPLETE", "START"]
        assert [problem for each in events for problem in problems(each)] == []
        assert {"namespace": "snowflake://acme", "name": "sales.public.orders"} in events[0]["inputs"]
