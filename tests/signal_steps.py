"""Events of other systems, and the steps that stories about signals share."""

import json
from typing import Any

from headgate.generator.model import build
from headgate.generator.plan import catalog
from tests.fake_aws import FakeAws
from tests.handler_steps import TODAY, invoke, queue
from tests.state_world import World, at, product

ACCOUNT = "123456789012"
ORDERS = {"namespace": "snowflake://acme", "name": "sales.public.orders"}
NOMINAL = {"nominal_time": True}
STATES = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:"


def signalled(domain: str, name: str, signal: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A product with a signal as the catalog holds it."""
    return catalog.entry(build.product(domain, name, {"description": name, "owner": "team", "signal": signal, **more}))


def load(world: World, signal: dict[str, Any], on_update: str = "notify", **more: Any) -> None:
    """raw/orders has the signal; d1/report waits for it, and its run of today is open."""
    waits = {
        "all_of": [
            {"product": "raw/orders", "status": ["COMPLETED"], "offset": 0, "cycle": "any", "on_update": on_update}
        ]
    }
    products = {"raw/orders": signalled("raw", "orders", signal, **more), "d1/report": product(waits, name="report")}
    world.load(products, at(f"{TODAY} 00:00"))
    invoke("scheduler", {})


def run_event(run: str = "1", state: str = "COMPLETE", at: str = f"{TODAY}T06:00:00Z", **more: Any) -> dict[str, Any]:
    """A run event of dbt, as it is on the domain bus."""
    facets = {"nominalTime": {"nominalStartTime": more.pop("nominal", f"{TODAY}T00:00:00Z")}}
    detail = {
        "eventType": state,
        "eventTime": at,
        "producer": "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": f"01234567-89ab-7def-8123-{run:0>12}", "facets": more.pop("facets", facets)},
        "job": {"namespace": "dbt", "name": "sales.orders"},
        "inputs": [],
        "outputs": more.pop("outputs", [ORDERS]),
    }
    return {
        "source": "openlineage",
        "detail-type": "OpenLineage RunEvent",
        "account": ACCOUNT,
        "detail": detail,
        **more,
    }


def execution(
    machine: str = "load-orders", status: str = "SUCCEEDED", name: str = "e1", stopped: str = "06:00", **detail: Any
) -> dict[str, Any]:
    of_it = {
        "executionArn": f"{STATES.replace('stateMachine', 'execution')}{machine}:{name}", "stateMachineArn": STATES + machine, "name": name,
        "status": status, "startDate": 1, "stopDate": int(at(f"{TODAY} {stopped}").timestamp() * 1000), "input": json.dumps({"run": {"date": TODAY}}),
    }  # fmt: skip
    return {
        "source": "aws.states", "detail-type": "Step Functions Execution Status Change", "account": ACCOUNT, "time": f"{TODAY}T{stopped}:00Z",
        "detail": of_it | detail,
    }  # fmt: skip


def table_change(
    number: str, *partitions: str, change: str = "BatchCreatePartition", at: str = "06:00"
) -> dict[str, Any]:
    return {
        "id": number, "source": "aws.glue", "detail-type": "Glue Data Catalog Table State Change", "account": ACCOUNT, "time": f"{TODAY}T{at}:00Z",
        "resources": [f"arn:aws:glue:us-east-1:{ACCOUNT}:table/sales/orders"],
        "detail": {"databaseName": "sales", "changedPartitions": list(partitions), "typeOfChange": change, "tableName": "orders"},
    }  # fmt: skip


def created(key: str, version: str = "v1", bucket: str = "vendor-drop") -> dict[str, Any]:
    return {
        "source": "aws.s3", "detail-type": "Object Created", "account": ACCOUNT, "time": f"{TODAY}T06:00:00Z",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key, "size": 10, "etag": "e", "version-id": version, "sequencer": "0A"}},
    }  # fmt: skip


def receive(*events: dict[str, Any]) -> Any:
    """The events reach the refresh event processor."""
    return invoke("refresh_events", queue(*events))


def forward(aws: FakeAws) -> list[dict[str, Any]]:
    """What was published is forwarded to the domain bus, and received. Gives the details."""
    entries = [each for each in aws.events if each["DetailType"].startswith("Data Product")]
    aws.events.clear()
    bodies = [
        {"source": each["Source"], "detail-type": each["DetailType"], "account": ACCOUNT, "detail": json.loads(each["Detail"])} for each in entries
    ]  # fmt: skip
    if bodies:
        receive(*bodies)
    return [each["detail"] for each in bodies]
