"""Steps of type `lambda` on the deployed local runtime: the real functions, machines and roles, and functions of products that run."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headgate.cli import staging
from headgate.cli.explain import explained
from headgate.cli.formatting import Clock, history
from headgate.cli.terminal import columns
from headgate.local import player, runtime
from headgate.local.provisioning import provision
from headgate.local.runtime import Runtime
from headgate.local.scenario import Expectation, Moment, Scenario
from tests.golden import lay_out
from tests.local_application import ROOT, needs_sam
from tests.state_world import in_soak

pytestmark = [pytest.mark.slow, needs_sam, in_soak]
DAY, UTC = date(2026, 11, 20), ZoneInfo("UTC")
clock = Clock(UTC, DAY.isoformat())
METADATA = """
--- lam/domain.yaml
account: "222222222222"
region: us-east-1
owner: team
defaults: {schedule: {frequency: daily, time: "01:00", timezone: UTC}}
--- lam/checked.yaml
description: A function whose payload is filled in, by its alias
pipeline:
  steps:
    - {name: check, lambda: {function: "lam-check:live", payload: {date: "{business_date}", of: [{product: "{domain}/{product}"}, 3], strict: true}}}
--- lam/failed.yaml
description: The function raises
pipeline:
  steps: [{name: check, lambda: {function: lam-raises}}]
--- lam/retried.yaml
description: The function fails once
pipeline:
  steps: [{name: check, lambda: {function: lam-flaky}, retry: {attempts: 1, interval: 1m}}]
--- lam/limited.yaml
description: The function takes longer than the step allows
pipeline:
  steps: [{name: check, lambda: {function: lam-slow, timeout: 5m}}]
--- lam/answered.yaml
description: The function answers the token
pipeline:
  steps: [{name: ask, lambda: {function: lam-answers, answer: token, timeout: 2h}}]
--- lam/refused.yaml
description: The function answers the token with a failure
pipeline:
  steps: [{name: ask, lambda: {function: lam-answers, answer: token, payload: {fail: true}, timeout: 2h}}]
--- lam/unanswered.yaml
description: Nobody answers the token
pipeline:
  steps: [{name: ask, lambda: {function: lam-forgets, answer: token, timeout: 2h}}]
--- lam/rerun.yaml
description: Run again while the function of the first attempt still runs
pipeline:
  steps: [{name: check, lambda: {function: lam-long, timeout: 5m}}]
--- lam/stopped.yaml
description: The machine is stopped while the function runs, and the run is started again
pipeline:
  steps: [{name: check, lambda: {function: lam-stopped, timeout: 10m}}]
--- lam/parallel.yaml
description: A function beside a Glue job, and one after both
pipeline:
  steps:
    - parallel:
        - {name: build, glue: {job: lam-build}}
        - {name: check, lambda: {function: lam-quick}}
    - {name: announce, lambda: {function: lam-quick}}
--- lam/counted.yaml
description: The job calls the tracker to pass something on
pipeline:
  steps: [{name: count, glue: {job: lam-count, arguments: {"--run_id": "{run_id}", "--attempt": "{attempt}"}}}]
--- lam/informed.yaml
description: It receives what its inputs pass on
depends_on: {all_of: [lam/checked, lam/counted]}
pipeline:
  steps: [{name: tell, lambda: {function: lam-told, payload: {rows: "{upstream.checked.row_count}", of: "snapshot {upstream.lam/counted.snapshot}"}}}]
--- lam/misinformed.yaml
description: It asks for what nobody passes on
depends_on: {all_of: [lam/checked]}
pipeline:
  steps: [{name: tell, lambda: {function: lam-told, payload: {rows: "{upstream.checked.rows}"}}}]
"""
FUNCTIONS = {
    "lam-check": """
import json, os, pathlib

def handler(event, context):
    pathlib.Path(os.environ["DATA"], "payload.json").write_text(json.dumps(event))
    return {"rows": "x" * 1000, "metadata": {"row_count": 1200}}
""",
    "lam-raises": """
class Unbalanced(Exception):
    pass

def handler(event, context):
    raise Unbalanced("40 traded, but 41 in positions")
""",
    "lam-answers": """
import boto3

def handler(event, context):
    states = boto3.client("stepfunctions")
    if (event["payload"] or {}).get("fail"):
        states.send_task_failure(taskToken=event["task_token"], error="Refused", cause="by the auditor")
    else:
        states.send_task_success(taskToken=event["task_token"], output="{}")
""",
    "lam-count": """
import json, sys
import boto3

given, functions = dict(zip(sys.argv[1::2], sys.argv[2::2])), boto3.client("lambda")
tracker = next(each["FunctionName"] for each in functions.list_functions()["Functions"] if "JobTracker" in each["FunctionName"])
told = {"action": "metadata", "run_id": given["--run_id"], "attempt": int(given["--attempt"]), "metadata": {"snapshot": "s-1"}}
answer = functions.invoke(FunctionName=tracker, Payload=json.dumps(told))
if "FunctionError" in answer:
    raise SystemExit(answer["Payload"].read().decode())
""",
    "lam-told": """
import json, os, pathlib

def handler(event, context):
    pathlib.Path(os.environ["DATA"], "told.json").write_text(json.dumps(event))
""",
    "lam-forgets": "def handler(event, context):\n    return event['task_token']\n",
}
RUNS: dict[str, list[dict[str, Any]]] = {
    "lam-flaky": [{"fails": "ConnectionError: no route"}, {"takes": 60}],
    "lam-slow": [{"takes": 600}],
    "lam-long": [{"takes": 720}, {"takes": 60}],
    "lam-stopped": [{"takes": 840}, {"takes": 60}],
    "lam-quick": [{"takes": 120}],
    "lam-build": [{"takes": 240}],
}
EXPECTED = {
    "lam/checked": Expectation("COMPLETED", attempt=1),
    "lam/failed": Expectation("ERROR", error="Unbalanced"),
    "lam/retried": Expectation("COMPLETED", attempt=1),
    "lam/limited": Expectation("ERROR", error="JobTimedOut"),
    "lam/answered": Expectation("COMPLETED", attempt=1),
    "lam/refused": Expectation("ERROR", error="Refused"),
    "lam/unanswered": Expectation("ERROR", error="JobTimedOut"),
    "lam/rerun": Expectation("COMPLETED", attempt=2),
    "lam/stopped": Expectation("COMPLETED", attempt=2),
    "lam/parallel": Expectation("COMPLETED", attempt=1),
    "lam/counted": Expectation("COMPLETED", attempt=1),
    "lam/informed": Expectation("COMPLETED", attempt=1),
    "lam/misinformed": Expectation("ERROR", error="UnknownMetadata"),
}


class Played:
    """The day that was played, and what the application answers about it."""

    def __init__(self, running: Runtime, data: Path, day: player.Day) -> None:
        self.running, self.data, self.day = running, data, day

    def entries(self, product: str, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.day.entries if each["product"] == product and each["kind"] == kind]

    def ends(self, product: str) -> list[str]:
        """How the job runs of the product ended, in order."""
        return [each["status"] for each in self.entries(product, "job ended")]

    def why(self, product: str) -> str:
        asked = {"question": "why", "product": product, "business_date": DAY.isoformat()}
        return "\n".join(explained(self.running.call("InquireFunctionName", asked)["run"], clock))

    def history(self, product: str) -> str:
        return "\n".join(columns(history([each for each in self.day.entries if each["product"] == product], clock)))


def at(hour: int, minute: int) -> datetime:
    return datetime(DAY.year, DAY.month, DAY.day, hour, minute, tzinfo=UTC)


def rerun_of(product: str) -> dict[str, Any]:
    return {"action": "rerun", "product": product, "business_date": DAY.isoformat(), "actor": "operator"}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("lambda")
    lay_out(METADATA, folder / "products")
    jobs = folder / "jobs"
    jobs.mkdir()
    for name, code in FUNCTIONS.items():
        (jobs / f"{name}.py").write_text(code)
    (folder / "data").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        places, catalog, _ = staging.stage(folder / "products", folder / "run")
    moments = (Moment(at(1, 7), action=rerun_of("lam/stopped")), Moment(at(1, 8), action=rerun_of("lam/rerun")))
    day = Scenario(DAY, UTC, at(0, 0), at(6, 0), moments=moments, runs=RUNS, expect=EXPECTED, jobs=jobs)
    with runtime.running(places, starts=day.starts) as running:
        running.deploy(lambda line: None)
        provision(running, catalog, jobs, folder / "data")
        stopped: list[datetime] = []

        def stop(moment: datetime) -> bool:
            if stopped or moment < at(1, 5):
                return False
            stopped.append(moment)
            machine = running.outputs["StateMachineArnPrefix"] + "lam_stopped"
            states = running.client("stepfunctions")
            (execution,) = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
            states.stop_execution(executionArn=execution["executionArn"])
            return True

        yield Played(running, folder / "data", player.play(running, day, folder / "data", stop))


def test_every_product_ends_as_expected(played: Played) -> None:
    assert played.day.problems == []


def test_the_function_receives_its_payload_filled_in(played: Played) -> None:
    assert json.loads((played.data / "payload.json").read_text()) == {
        "date": "2026-11-20", "of": [{"product": "lam/checked"}, 3], "strict": True,
    }  # fmt: skip
    assert played.ends("lam/checked") == ["SUCCEEDED"]
    (started,) = played.entries("lam/checked", "job started")
    assert started["job"] == "lam-check:live"


def test_what_a_function_and_a_job_pass_on_reaches_their_consumer(played: Played) -> None:
    assert json.loads((played.data / "told.json").read_text()) == {"rows": "1200", "of": "snapshot s-1"}
    assert 'Passed on with its refresh: {"row_count": 1200}' in played.why("lam/checked")
    needed = "{upstream.checked.rows} has no value: the refresh of lam/checked for 2026-11-20 has only row_count"
    assert needed in played.why("lam/misinformed")


def test_what_the_function_raises_is_named_by_why_and_history(played: Played) -> None:
    assert played.ends("lam/failed") == ["FAILED"]
    for text in (played.why("lam/failed"), played.history("lam/failed")):
        assert "step check" in text
        assert "lam-raises" in text
        assert "Unbalanced" in text
        assert "40 traded, but 41 in positions" in text


def test_a_failed_function_is_invoked_again_where_metadata_says_so(played: Played) -> None:
    assert played.ends("lam/retried") == ["FAILED", "SUCCEEDED"]
    first, second = played.entries("lam/retried", "job started")
    assert first["job_run_id"] != second["job_run_id"]
    assert "no route" in played.history("lam/retried")


def test_a_function_that_takes_too_long_is_recorded_as_timed_out(played: Played) -> None:
    assert played.ends("lam/limited") == ["TIMEOUT"]
    (ended,) = played.entries("lam/limited", "job ended")
    assert clock(ended["at"]) == "01:05"
    assert "lam-slow" in played.why("lam/limited")


def test_the_answer_to_the_token_is_the_end(played: Played) -> None:
    assert played.ends("lam/answered") == ["SUCCEEDED"]
    assert played.ends("lam/refused") == ["FAILED"]
    assert "by the auditor" in played.why("lam/refused")
    assert played.ends("lam/unanswered") == ["TIMEOUT"]
    (ended,) = played.entries("lam/unanswered", "job ended")
    assert clock(ended["at"]) == "03:00"


def test_a_rerun_is_not_disturbed_by_the_invocation_that_still_runs(played: Played) -> None:
    """The first attempt's function ends at 01:12, after the second attempt has completed."""
    assert played.ends("lam/rerun") == ["TIMEOUT", "SUCCEEDED"]
    (completed,) = [each for each in played.entries("lam/rerun", "run") if each["status"] == "COMPLETED"]
    assert (completed["attempt"], clock(completed["at"])) == (2, "01:09")


def test_a_rerun_waits_until_an_invocation_that_nobody_watches_has_ended(played: Played) -> None:
    """Lambda can neither be asked about an invocation nor stop one. It counts as running until it has certainly ended: at 01:25, the
    step's ten minutes and the fifteen that a function may take after the start."""
    (lost,) = [each for each in played.entries("lam/stopped", "run") if each.get("error") == "ABORTED"]
    assert (clock(lost["at"]), lost["by"]) == ("01:05", "job status")
    assert played.ends("lam/stopped") == ["TIMEOUT", "SUCCEEDED"]
    first, second = played.entries("lam/stopped", "job started")
    assert clock(first["at"]) == "01:00"
    assert clock(second["at"]) == "01:30", "the monitor's first run after that"


def test_functions_and_jobs_run_side_by_side(played: Played) -> None:
    ends = [(each["job"], clock(each["at"])) for each in played.entries("lam/parallel", "job ended")]
    assert ends == [("lam-quick", "01:02"), ("lam-build", "01:04"), ("lam-quick", "01:06")]
