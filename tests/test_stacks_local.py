"""`headgate deploy` on the local runtime, as people type it: what is deployed works, in one stack and in several."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.local import runtime
from headgate.local.provisioning import provision
from headgate.local.runtime import Runtime
from headgate.local.stack import Places
from tests import corpora
from tests.headgate_command import headgate
from tests.local_application import ROOT, needs_sam
from tests.state_world import SOAK, in_soak

pytestmark = [pytest.mark.slow, needs_sam]
LARGE = "large-bigquery-etl"
PRODUCT = "description: x\n{}\npipeline: {{steps: [{{name: build, glue: {{job: {}}}}}]}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("template.yaml", "samconfig.toml"):  # SAM looks beside the file itself, not beside a link to it
        shutil.copy2(ROOT / name, folder / name)
    for name in ("functions", "board"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture
def running(project: Path, tmp_path: Path) -> Iterator[Runtime]:
    """The parts of a runtime, with nothing deployed."""
    with runtime.running(Places(project, project / "statemachines", tmp_path / "runtime")) as found:
        yield found


def run(folder: Path, running: Runtime, *arguments: str, seconds: int = 300) -> str:
    done = headgate(*arguments, folder=folder, env=running.environment, timeout=seconds)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def machines(running: Runtime) -> set[str]:
    pages = running.client("stepfunctions").get_paginator("list_state_machines").paginate()
    return {each["name"] for page in pages for each in page["stateMachines"]}


@in_soak
def test_a_product_of_a_further_stack_runs(project: Path, running: Runtime) -> None:
    """A small mesh whose second domain has been in a second stack since it was larger."""
    for domain, opens in (
        ("d1", 'schedule: {frequency: daily, time: "06:00"}'),
        ("d2", "depends_on: {all_of: [d1/a]}"),
    ):
        (project / "products" / domain).mkdir(parents=True)
        (project / "products" / domain / "domain.yaml").write_text("owner: x\n")
        (project / "products" / domain / "a.yaml").write_text(PRODUCT.format(opens, f"{domain}-a"))
    run(project, running, "generate")
    (project / "statemachines" / "layout.json").write_text('{"stack_of": {"d2/template.json": 2}}')
    run(project, running, "generate")

    shown = run(project, running, "deploy", "--dry-run")
    assert not running.client("cloudformation").describe_stacks()["Stacks"], "a dry run deploys nothing"
    for line in ("1. headgate: create", "2. headgate-2: create", "3. headgate: load the catalog"):
        assert line in shown
    given = ("--yes", "--parameter", "DeletionProtection=false", "--parameter", "UnverifiedCallers=true")
    assert "2 new, 0 changed" in run(project, running, "deploy", *given)
    assert machines(running) == {"headgate-d1_a", "headgate-d2_a"}

    catalog: dict[str, Any] = json.loads((project / "statemachines/catalog/catalog.json").read_text())
    provision(running, catalog, None, project / "data")
    day = "2026-11-20"
    opened = running.call(
        "OperateFunctionName", {"action": "backfill", "product": "d1/a", "business_date": day, "actor": "ann"}
    )
    assert opened["opened"] == 1
    running.control.wait_until_idle()
    status = running.call("InquireFunctionName", {"question": "status", "business_date": day})["products"]
    assert {each["product"]: each["status"] for each in status} == {"d1/a": "COMPLETED", "d2/a": "COMPLETED"}


@pytest.mark.skipif(SOAK == 1, reason="takes five minutes: `make soak`")
@pytest.mark.skipif(LARGE not in corpora.graphs(), reason=f"the graph {LARGE} is not on this machine")
def test_2_316_products_are_deployed_in_several_stacks(project: Path, running: Runtime) -> None:
    count = corpora.lay_out(corpora.graphs()[LARGE], project / "products")
    run(project, running, "generate")

    began = time.monotonic()
    printed = run(project, running, "deploy", "--yes", "--parameter", "DeletionProtection=false", seconds=3_600)

    print(f"{count:,} products in {time.monotonic() - began:.0f} s")
    assert f"{count} new" in printed
    assert len(machines(running)) == count == 2_316
    pages = running.client("cloudformation").get_paginator("describe_stacks").paginate()
    roots = {each["StackName"] for page in pages for each in page["Stacks"] if "RootId" not in each}
    assert roots >= {"headgate", "headgate-2", "headgate-3"}
