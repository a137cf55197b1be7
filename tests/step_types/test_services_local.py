"""Steps whose work services run, on the deployed local runtime: real machines, roles, events, queries and processes, in one day."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headgate.cli import staging
from headgate.cli.explain import explained
from headgate.cli.formatting import Clock
from headgate.local import player, runtime
from headgate.local.provisioning import provision
from headgate.local.runtime import Runtime
from headgate.local.scenario import Expectation, Moment, Scenario
from tests.golden import lay_out
from tests.local_application import ROOT, needs_sam

pytestmark = [pytest.mark.slow, needs_sam]
DAY, UTC = date(2026, 11, 20), ZoneInfo("UTC")
METADATA = """
--- svc/domain.yaml
account: "222222222222"
region: us-east-1
owner: team
defaults: {schedule: {frequency: daily, time: "01:00", timezone: UTC}}
--- svc/queried.yaml
description: A query over a file, with values
pipeline:
  steps:
    - name: count
      athena: {workgroup: svc-etl, query: "SELECT sum(quantity) AS total FROM trades WHERE day = CAST(? AS DATE) AND book = ?", parameters: ["{business_date}", "o'neil"]}
--- svc/unqueried.yaml
description: The query names a table that does not exist
pipeline:
  steps: [{name: count, athena: {workgroup: svc-etl, query: SELECT * FROM nowhere}}]
--- svc/endless.yaml
description: The query takes longer than the step allows
pipeline:
  steps: [{name: count, athena: {workgroup: svc-slow, query: SELECT 1, timeout: 10m}}]
--- svc/scored.yaml
description: A task with a command and a variable
pipeline:
  steps: [{name: score, ecs: {cluster: svc, task: svc-score, container: main, command: ["{business_date}"], environment: {PRODUCT: "{product}"}, subnets: [subnet-0a1b2c3d]}}]
--- svc/unscored.yaml
description: The container ends with an exit code
pipeline:
  steps: [{name: score, ecs: {cluster: svc, task: svc-fails, container: main}}]
--- svc/retried.yaml
description: The first task hangs, is stopped at the time-out, and the second one runs
pipeline:
  steps: [{name: score, ecs: {cluster: svc, task: svc-hangs, container: main, timeout: 5m}, retry: {attempts: 1, interval: 1m}}]
--- svc/cancelled.yaml
description: An operator cancels the run
pipeline:
  steps: [{name: score, ecs: {cluster: svc, task: svc-cancelled, container: main}}]
--- svc/rerun.yaml
description: The machine is stopped while the task runs; the next attempt follows when the task has stopped
pipeline:
  steps: [{name: score, ecs: {cluster: svc, task: svc-rerun, container: main}}]
--- svc/nested.yaml
description: Another machine, which waits
pipeline:
  steps: [{name: other, machine: {name: svc-other, input: {date: "{business_date}"}}}]
--- svc/unnested.yaml
description: Another machine, which fails
pipeline:
  steps: [{name: other, machine: {name: svc-failing}}]
--- svc/late.yaml
description: Another machine, which takes longer than the step allows
pipeline:
  steps: [{name: other, machine: {name: svc-waiting, timeout: 10m}}]
--- svc/clustered.yaml
description: Two steps in parallel on a cluster, and one after them
pipeline:
  cluster: {release: emr-7.5.0, instances: {primary: m6g.xlarge}}
  steps:
    - parallel:
        - {name: north, emr: {spark: s3://code/svc-clean.py, arguments: [north, "{business_date}"]}}
        - {name: south, emr: {command: [south, "{business_date}"]}}
    - {name: sum, emr: {spark: s3://code/svc-sum.py}}
--- svc/unclustered.yaml
description: The step fails; its cluster is released
pipeline:
  cluster: {release: emr-7.5.0, instances: {primary: m6g.xlarge}}
  steps: [{name: clean, emr: {spark: s3://code/svc-broken.py}}]
--- svc/reclustered.yaml
description: The first cluster ends while it starts, and is made anew
pipeline:
  cluster: {release: emr-7.5.0, instances: {primary: m6g.xlarge}, retry: {attempts: 1}}
  steps: [{name: clean, emr: {spark: s3://code/svc-again.py}}]
"""
CLEAN = """
import os, pathlib, sys
pathlib.Path(os.environ["DATA"], sys.argv[1]).write_text(" ".join(sys.argv[1:]))
"""
SUM = """
import os, pathlib
data = pathlib.Path(os.environ["DATA"])
(data / "sum").write_text((data / "north").read_text() + ", " + (data / "south").read_text())
"""
SCORE = """
import os, pathlib, sys
pathlib.Path(os.environ["DATA"], "scored").write_text(f"{sys.argv[1]} {os.environ['PRODUCT']}")
"""
MACHINES: dict[str, dict[str, Any]] = {
    "svc-other": {"Start": {"Type": "Wait", "Seconds": 120, "Next": "End"}, "End": {"Type": "Succeed"}},
    "svc-failing": {"Start": {"Type": "Fail", "Error": "Unbalanced", "Cause": "row 3"}},
    "svc-waiting": {"Start": {"Type": "Wait", "Seconds": 7200, "End": True}},
}
RUNS: dict[str, list[dict[str, Any]]] = {
    "svc-slow": [{"hangs": True}],
    "svc-fails": [{"fails": "no such model", "takes": 60}],
    "svc-hangs": [{"hangs": True}, {"takes": 60}],
    "svc-cancelled": [{"hangs": True}],
    "svc-rerun": [{"hangs": True}, {"takes": 60}],
    "svc-broken": [{"fails": "no such column"}],
    "svc/reclustered": [{"fails": "no such bootstrap script"}, {}],
}
EXPECTED = {
    "svc/queried": Expectation("COMPLETED", attempt=1),
    "svc/unqueried": Expectation("ERROR", error="JobFailed"),
    "svc/endless": Expectation("ERROR", error="JobTimedOut"),
    "svc/scored": Expectation("COMPLETED", attempt=1),
    "svc/unscored": Expectation("ERROR", error="JobFailed"),
    "svc/retried": Expectation("COMPLETED", attempt=1),
    "svc/cancelled": Expectation("CANCELLED"),
    "svc/rerun": Expectation("COMPLETED", attempt=2),
    "svc/nested": Expectation("COMPLETED", attempt=1),
    "svc/unnested": Expectation("ERROR", error="JobFailed"),
    "svc/late": Expectation("ERROR", error="JobTimedOut"),
    "svc/clustered": Expectation("COMPLETED", attempt=1),
    "svc/unclustered": Expectation("ERROR", error="JobFailed"),
    "svc/reclustered": Expectation("COMPLETED", attempt=1),
}


class Played:
    """The day that was played, and what the application answers about it."""

    def __init__(self, running: Runtime, data: Path, day: player.Day) -> None:
        self.running, self.data, self.day = running, data, day

    def jobs(self, product: str) -> list[tuple[str, str]]:
        """How the job runs of the product ended, and when, in order."""
        clock = Clock(UTC, DAY.isoformat())
        ends = [each for each in self.day.entries if (each["product"], each["kind"]) == (product, "job ended")]
        return [(each["status"], clock(each["at"])) for each in ends]

    def why(self, product: str) -> str:
        asked = {"question": "why", "product": product, "business_date": DAY.isoformat()}
        run = self.running.call("InquireFunctionName", asked)["run"]
        return "\n".join(explained(run, Clock(UTC, DAY.isoformat())))


def at(minute: int) -> datetime:
    return datetime(DAY.year, DAY.month, DAY.day, 1, minute, tzinfo=UTC)


def operation(action: str, product: str) -> dict[str, Any]:
    return {"action": action, "product": product, "business_date": DAY.isoformat(), "actor": "operator"}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("services")
    lay_out(METADATA, folder / "products")
    jobs, data = folder / "jobs", folder / "data"
    for each in (jobs, data):
        each.mkdir()
    (jobs / "svc-score.py").write_text(SCORE)
    for name in ("svc-clean", "south"):
        (jobs / f"{name}.py").write_text(CLEAN)
    (jobs / "svc-sum.py").write_text(SUM)
    (data / "trades.csv").write_text(
        "day,book,quantity\n2026-11-20,o'neil,3\n2026-11-20,o'neil,4\n2026-11-19,o'neil,9\n"
    )
    for name, states in MACHINES.items():
        (jobs / f"{name}.asl.json").write_text(json.dumps({"StartAt": "Start", "States": states}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        places, catalog, _ = staging.stage(folder / "products", folder / "run")
    moments = (
        Moment(at(7), action=operation("rerun", "svc/rerun")),
        Moment(at(20), action=operation("cancel", "svc/cancelled")),
    )
    ends = datetime(DAY.year, DAY.month, DAY.day, 4, 0, tzinfo=UTC)
    day = Scenario(DAY, UTC, at(0).replace(hour=0), ends, moments=moments, runs=RUNS, expect=EXPECTED, jobs=jobs)
    with runtime.running(places, starts=day.starts) as running:
        running.deploy(lambda line: None)
        provision(running, catalog, jobs, data)
        stopped: list[datetime] = []

        def stop(moment: datetime) -> None:
            if not stopped and moment >= at(5):
                stopped.append(moment)
                machine = running.outputs["StateMachineArnPrefix"] + "svc_rerun"
                states = running.client("stepfunctions")
                (execution,) = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
                states.stop_execution(executionArn=execution["executionArn"])

        yield Played(running, data, player.play(running, day, data, stop))


def test_every_product_ends_as_expected(played: Played) -> None:
    assert played.day.problems == []


def test_a_query_has_its_values_and_a_task_its_command_and_variables(played: Played) -> None:
    (rows,) = (played.data / "results").glob("*.csv")
    assert rows.read_text() == "total\n7\n"
    assert (played.data / "scored").read_text() == "2026-11-20 scored"


def test_why_names_what_the_service_says(played: Played) -> None:
    assert "nowhere" in played.why("svc/unqueried")
    assert "container main ended with exit code 1" in played.why("svc/unscored")
    assert "no such model" in played.why("svc/unscored")
    assert "Unbalanced: row 3" in played.why("svc/unnested")


def test_work_beyond_its_time_is_stopped_before_the_step_fails(played: Played) -> None:
    assert played.jobs("svc/endless") == [("STOPPED", "01:10")]
    assert played.jobs("svc/late") == [("STOPPED", "01:10")]
    (first, stopped), (second, _) = played.jobs("svc/retried")
    assert (first, stopped, second) == ("STOPPED", "01:05", "SUCCEEDED")
    assert "did not end within the time-out" in played.why("svc/endless")


def test_a_cancel_stops_the_task_and_a_next_attempt_waits_for_the_one_before(played: Played) -> None:
    assert played.jobs("svc/cancelled") == [("STOPPED", "01:20")]
    (first, _), (second, _) = played.jobs("svc/rerun")
    assert (first, second) == ("STOPPED", "SUCCEEDED")


def test_steps_run_on_the_cluster_of_their_pipeline_which_is_released(played: Played) -> None:
    assert (played.data / "sum").read_text() == "north 2026-11-20, south 2026-11-20"
    emr = played.running.client("emr")
    found = [(each["Name"].split("/")[2], each["Status"]) for each in emr.list_clusters()["Clusters"]]
    ends = [(name, status["StateChangeReason"]["Code"]) for name, status in found]
    released = [(name, "USER_REQUEST") for name in ("clustered", "reclustered", "unclustered")]
    assert sorted(ends) == sorted([*released, ("reclustered", "BOOTSTRAP_FAILURE")])
    assert [each for each, _ in played.jobs("svc/clustered")] == ["SUCCEEDED"] * 4
    assert [each for each, _ in played.jobs("svc/reclustered")] == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert "no such column" in played.why("svc/unclustered")
