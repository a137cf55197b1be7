"""A day in shadow on the deployed local runtime, beside a scheduler that starts one product too early, one late, one right and one not at all; and the end of shadow."""

import json
from pathlib import Path

import pytest

from headgate.local import player, runtime, scenario
from headgate.local.provisioning import provision
from headgate.local.stack import Places
from tests.headgate_command import headgate
from tests.local_application import ROOT, SAMPLES, needs_sam
from tests.state_world import in_soak

pytestmark = [pytest.mark.slow, needs_sam, in_soak]


def test_a_day_beside_another_scheduler_and_the_end_of_shadow(tmp_path: Path) -> None:
    day = scenario.read(SAMPLES / "shadow" / "day.yaml")
    done = headgate(
        "generate", "--products", str(SAMPLES / "shadow" / "products"), "--out", str(tmp_path / "statemachines")
    )
    assert done.returncode == 0, done.stdout + done.stderr
    places = Places(ROOT, tmp_path / "statemachines", tmp_path / "runtime")
    catalog = json.loads((places.statemachines / "catalog/catalog.json").read_text("utf-8"))
    with runtime.running(places, starts=day.starts) as running:
        running.deploy(print, {"Shadow": "true"})
        provision(running, catalog, None, tmp_path / "data")
        played = player.play(running, day, tmp_path / "data")
        assert played.problems == []
        assert played.shadow is not None
        assert {each["product"]: each["difference"] for each in played.shadow["products"]} == {
            "d1/trades": "same", "d1/prices": "without_inputs", "d1/report": "later", "d1/archive": "not_started",
        }  # fmt: skip

        running.deploy(print, {"Shadow": "false"})
        running.control.wait_until_idle()
        running.call_function("MonitorFunction", {"at_once": True})
        running.control.wait_until_idle()
        machines = running.client("stepfunctions")
        arns = [each["stateMachineArn"] for each in machines.list_state_machines()["stateMachines"]]
        assert [each for arn in arns for each in machines.list_executions(stateMachineArn=arn)["executions"]] == []
        question = {"question": "status", "business_date": day.business_date.isoformat()}
        statuses = {
            each["product"]: each["status"] for each in running.call("InquireFunctionName", question)["products"]
        }
        assert statuses["d1/archive"] == "CANCELLED"

        running.control.jump(day.starts.timestamp() + 30 * 3600)  # the next day's opening is Headgate's own
        running.control.wait_until_idle()
        started = [each["name"] for arn in arns for each in machines.list_executions(stateMachineArn=arn)["executions"]]
        assert sorted(started) == [f"{name}-2026-11-21-1" for name in ("archive", "prices", "report", "trades")]
