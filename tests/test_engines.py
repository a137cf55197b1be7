"""The sample machines go the same way on both engines: the local endpoint's, with the real functions, and moto's.

What neither shows: quotas, `States.DataLimitExceeded`, heartbeat time-outs (the endpoint ignores them), the ceiling and
jitter of retry delays (the endpoint has a ceiling of a minute of its own, moto's are skipped).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.table import StaticTable

from headgate.local.scenario import Scenario
from tests import moto_engine
from tests.local_application import ROOT, Application, deployed, needs_sam, sample, whole_sample
from tests.moto_engine import Answer, FailTask, Succeed
from tests.state_world import in_soak

pytestmark = [pytest.mark.slow, needs_sam]
FAILED = FailTask("JobFailed", "as the day has it")
# What the functions and services answered in the sample days, for moto; what is not said succeeds.
STIFEL: dict[str, dict[str, list[Answer]]] = {
    "d1/ds1": {"tracker.await": [FAILED, Succeed()]},
    "d1/ds2": {},
    "d1/ds3": {},
    "d1/ds4": {},
    "d1/exposure": {},
    "d2/ds1": {},
}
MARKETPLACE: dict[str, dict[str, list[Answer]]] = {
    "marketplace/listings": {"tracker.await": [FAILED]},
    "marketplace/searches": {},
    "marketplace/pipeline-x": {},
    "marketplace/pipeline-x-fallback": {},
}


@pytest.fixture(scope="module")
def stifel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    yield from _played(whole_sample("stifel"), tmp_path_factory.mktemp("stifel"))


@pytest.fixture(scope="module")
def marketplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    yield from _played(sample("marketplace"), tmp_path_factory.mktemp("marketplace"))


def _played(day: Scenario, folder: Path) -> Iterator[Application]:
    with deployed(day, folder) as application:
        assert application.play(day).problems == []
        yield application


def on_the_endpoint(application: Application, product: str) -> list[str]:
    """The states of the product's first execution, as they were entered."""
    client = application.runtime.client("stepfunctions")
    machine = application.runtime.outputs["StateMachineArnPrefix"] + product.replace("/", "_")
    first = min(client.list_executions(stateMachineArn=machine)["executions"], key=lambda each: each["startDate"])
    events = client.get_execution_history(executionArn=first["executionArn"], maxResults=1000)["events"]
    return [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]


def on_moto(product: str, answers: dict[str, list[Answer]]) -> list[str]:
    definition = json.loads((ROOT / "statemachines" / f"{product}.asl.json").read_text("utf-8"))
    return moto_engine.execute(definition, answers).states


def straightened(states: list[str]) -> list[Any]:
    """Branches run side by side: between the state that holds them and the next, the order of their states is their own."""
    together = [index for index, name in enumerate(states) if name.endswith(" in parallel")]
    if not together:
        return states
    start = together[0]
    end = next(index for index in range(start + 1, len(states)) if states[index].startswith("Record"))
    return [*states[: start + 1], *sorted(states[start + 1 : end]), *states[end:]]


@in_soak
@pytest.mark.parametrize("product", STIFEL)
def test_the_stifel_day_goes_the_same_way(stifel: Application, product: str) -> None:
    here = on_the_endpoint(stifel, product)
    assert straightened(here) == straightened(on_moto(product, STIFEL[product]))
    assert here[0] == "Wait for dependencies"


@in_soak
@pytest.mark.parametrize("product", MARKETPLACE)
def test_the_marketplace_day_goes_the_same_way(marketplace: Application, product: str) -> None:
    assert straightened(on_the_endpoint(marketplace, product)) == straightened(on_moto(product, MARKETPLACE[product]))


@in_soak
def test_the_custodians_positions_are_in_the_table_as_they_were_sent_last(stifel: Application) -> None:
    """A commit for each batch that had something to load; the last one takes A2 out, which the corrected file does not have. Exposure came before it."""
    metadata = max((stifel.data / "staging.db" / "positions" / "metadata").glob("*.metadata.json"))
    table = StaticTable.from_metadata(str(metadata))
    rows = sorted((each["account"], each["quantity"]) for each in table.scan().to_arrow().to_pylist())
    assert rows == [("A1", 15), ("A3", 30), ("A4", 40)]
    changes = [each.summary.operation.value for each in table.metadata.snapshots if each.summary]
    assert changes == ["append", "append", "overwrite", "append"]
    exposure = (stifel.data / "d1" / "exposure" / "2026-11-20.csv").read_text().split()
    assert exposure == ["account,quantity", "A1,10", "A2,20", "A3,30", "A4,40"]
