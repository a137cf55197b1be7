"""Steps whose work services run, on the deployed local runtime: real machines, roles, events, queries and processes, in one day."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
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
from tests.step_types.http_api import Api, api
from tests.step_types.services_metadata import CLEAN, COUNT, METADATA, SHARED, SUM

pytestmark = [pytest.mark.slow, needs_sam]
DAY, UTC = date(2026, 11, 20), ZoneInfo("UTC")
# Four products for each of these types: work with an effect, whose launch is refused at first and then not answered; work that fails, unheard; work
# that takes longer than the step allows; and work of a machine that is stopped, is run again, and is cancelled.
STORIES = """
--- svc/{name}-runs.yaml
description: Real work, launched through faults
pipeline:
  steps: [{{name: work, {type}: {runs}}}]
--- svc/{name}-fails.yaml
description: Work that fails, and whose event is lost
pipeline:
  steps: [{{name: work, {type}: {fails}}}]
--- svc/{name}-late.yaml
description: Work that takes longer than the step allows
pipeline:
  steps: [{{name: work, {type}: {late}}}]
--- svc/{name}-again.yaml
description: The machine is stopped while the work runs, the run is run again beside it, and is cancelled
pipeline:
  steps: [{{name: work, {type}: {again}}}]
"""


@dataclass(frozen=True)
class Story:
    """A type in the four products of `STORIES`: its settings in each, and the name by which the scenario knows the work of the last three. `reason` is
    part of what `why` says about the failure."""

    type: str
    runs: str
    fails: str
    late: str
    again: str
    names: tuple[str, str, str]
    call: str
    refusal: str
    unanswered: str
    reason: str
    reported: bool = True  # whether an event reports the end

    @property
    def metadata(self) -> str:
        return STORIES.format(name=self.name, **asdict(self))

    @property
    def name(self) -> str:
        """What the names of its products begin with."""
        return self.type.replace("_", "-")

    @property
    def behaviours(self) -> dict[str, list[dict[str, Any]]]:
        fails, late, again = self.names
        faults = [{"refused": self.refusal}, {"refused": self.refusal}, {"unanswered": self.unanswered}, {}]
        hanging = [{"hangs": True}]
        return {fails: [{"fails": "no such column", "takes": 240}], late: hanging, again: hanging, self.call: faults}


STORY = (
    Story(
        "batch",
        '{queue: svc, definition: svc-fit, parameters: {date: "{business_date}"}, command: ["batch", "Ref::date"], environment: {PRODUCT: "{product}"}}',
        "{queue: svc, definition: svc-fit-fails}",
        "{queue: svc, definition: svc-fit-late, timeout: 10m}",
        "{queue: svc, definition: svc-fit-again}",
        ("svc-fit-fails", "svc-fit-late", "svc-fit-again"),
        "batch:submitJob",
        "TooManyRequestsException",
        "ServerException",
        "the container ended with exit code 1; no such column",
    ),
    Story(
        "redshift",
        '{cluster: svc, database: svc, secret: svc-dwh, query: "INSERT INTO effects SELECT CAST(:day AS date)::varchar, :product", parameters: {day: "{business_date}", product: "{product}"}}',
        "{cluster: svc, database: svc-db-fails, secret: svc-dwh, query: SELECT 1}",
        "{cluster: svc, database: svc-db-late, secret: svc-dwh, query: SELECT 1, timeout: 10m}",
        "{cluster: svc, database: svc-db-again, secret: svc-dwh, query: SELECT 1}",
        ("svc-db-fails", "svc-db-late", "svc-db-again"),
        "redshiftdata:executeStatement",
        "ActiveStatementsExceededException",
        "InternalServerException",
        "no such column",
    ),
    Story(
        "emr_serverless",
        '{application: svc1, role: model, entry_point: s3://svc-code/svc-fit.py, arguments: [emr_serverless, "{business_date}", "{product}"]}',
        "{application: svc1, role: model, entry_point: s3://svc-code/spark-fails.py}",
        "{application: svc1, role: model, entry_point: s3://svc-code/spark-late.py, timeout: 10m}",
        "{application: svc1, role: model, entry_point: s3://svc-code/spark-again.py}",
        ("spark-fails", "spark-late", "spark-again"),
        "emrserverless:startJobRun",
        "ThrottlingException",
        "InternalServerException",
        "no such column",
    ),
    Story(
        "http",
        '{body: {name: runs, date: "{business_date}", product: "{product}"}, HTTP}',
        "{body: {name: fails}, HTTP}",
        "{body: {name: late}, timeout: 10m, HTTP}",
        "{body: {name: again}, HTTP}",
        ("http-fails", "http-late", "http-again"),
        "http:invoke",
        "429",
        "",
        "FAILED: no such column",
        reported=False,
    ),
)  # fmt: skip
each_story = pytest.mark.parametrize("story", STORY, ids=lambda story: story.type)
HTTP = """connection: api, connection_id: 0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d, url: API/start, run_id: run_id, secret: api/headers,
        ask: {url: "API/ask?run_id={run}", state: state.result_state, succeeded: [SUCCESS], stopped: [CANCELED], message: state.state_message},
        stop: {url: API/stop, body: {run_id: "{run}"}}"""
EFFECT = """
import os, pathlib, sys
with pathlib.Path(os.environ["DATA"], sys.argv[1] + "-effects").open("a") as file:
    file.write(f"{sys.argv[2]} {os.environ.get('PRODUCT') or sys.argv[3]}\\n")
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
    "svc-uncounted": [{"fails": "NoRows: nothing came"}],
    "svc-counted-again": [{"takes": 600}, {}],
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
    "svc/sharing": Expectation("COMPLETED", attempt=1),
    "svc/shared-too": Expectation("COMPLETED", attempt=1),
    "svc/shared-last": Expectation("COMPLETED", attempt=1),
    "svc/counted": Expectation("COMPLETED", attempt=1),
    "svc/uncounted": Expectation("ERROR", error="NoRows"),
    "svc/counted-again": Expectation("COMPLETED", attempt=2),
}
for each in STORY:
    RUNS |= each.behaviours
    EXPECTED |= {
        f"svc/{each.name}-runs": Expectation("COMPLETED", attempt=1),
        f"svc/{each.name}-fails": Expectation("ERROR", error="JobFailed"),
        f"svc/{each.name}-late": Expectation("ERROR", error="JobTimedOut"),
        f"svc/{each.name}-again": Expectation("CANCELLED", attempt=2),
    }


class Played:
    """The day that was played, and what the application answers about it."""

    def __init__(self, running: Runtime, data: Path, day: player.Day, api: Api) -> None:
        self.running, self.data, self.day, self.api = running, data, day, api

    def jobs(self, product: str) -> list[tuple[str, str]]:
        """How the job runs of the product ended, and when, in order."""
        clock = Clock(UTC, DAY.isoformat())
        ends = [each for each in self.day.entries if (each["product"], each["kind"]) == (product, "job ended")]
        return [(each["status"], clock(each["at"])) for each in ends]

    def effects(self, kind: str) -> list[list[str]]:
        """What the real work of the type has left: a table, lines of a file, or runs of the API."""
        if kind == "http":
            return [[each["date"], each["product"]] for each in self.api.runs.values() if each["name"] == "runs"]
        if (file := self.data / f"{kind}-effects").exists():
            return [each.split(" ") for each in file.read_text().splitlines()]
        with duckdb.connect(str(self.data / f"{kind}.duckdb")) as database:
            return [list(row) for row in database.execute("FROM effects").fetchall()]

    def why(self, product: str) -> str:
        asked = {"question": "why", "product": product, "business_date": DAY.isoformat()}
        run = self.running.call("InquireFunctionName", asked)["run"]
        return "\n".join(explained(run, Clock(UTC, DAY.isoformat())))


class Faults:
    """Between 01:02 and 01:06 no end of work is reported; at 01:05 machines are stopped whose runs are run again later."""

    def __init__(self, running: Runtime) -> None:
        self._running, self._done = running, set[int]()

    def __call__(self, moment: datetime) -> bool:
        for minute, fault in ((2, self._deafen), (5, self._stop), (6, self._hear)):
            if minute not in self._done and moment >= at(minute):
                self._done.add(minute)
                fault()
                return True
        return False

    def _rules(self) -> list[str]:
        ours = tuple(f"job-status-{each.type}" for each in STORY)
        found = self._running.client("events").list_rules()["Rules"]
        return [each["Name"] for each in found if each["Name"].endswith(ours)]

    def _deafen(self) -> None:
        rules = self._rules()
        assert len(rules) == sum(each.reported for each in STORY)
        for rule in rules:
            self._running.client("events").disable_rule(Name=rule)

    def _hear(self) -> None:
        for rule in self._rules():
            self._running.client("events").enable_rule(Name=rule)

    def _stop(self) -> None:
        states = self._running.client("stepfunctions")
        for product in ("rerun", "counted-again", *(f"{each.name}-again" for each in STORY)):
            machine = f"{self._running.outputs['StateMachineArnPrefix']}svc_{product}"
            (execution,) = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
            states.stop_execution(executionArn=execution["executionArn"])


def at(minute: int) -> datetime:
    return datetime(DAY.year, DAY.month, DAY.day, 1, minute, tzinfo=UTC)


def operation(action: str, product: str) -> dict[str, Any]:
    return {"action": action, "product": product, "business_date": DAY.isoformat(), "actor": "operator"}


@pytest.fixture(scope="module")
def service() -> Iterator[Api]:
    with api() as made:
        made.busy = 2
        made.states = {"runs": "SUCCESS", "fails": "FAILED"}
        yield made


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, service: Api) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("services")
    metadata = "".join(each.metadata for each in STORY).replace("HTTP}", HTTP.replace("API", service.url) + "}")
    lay_out(METADATA + metadata, folder / "products")
    jobs, data = folder / "jobs", folder / "data"
    for each in (jobs, data):
        each.mkdir()
    (jobs / "svc-score.py").write_text(SCORE)
    (jobs / "svc-fit.py").write_text(EFFECT)
    with duckdb.connect(str(data / "redshift.duckdb")) as database:
        database.execute("CREATE TABLE effects (day varchar, product varchar)")
    for name in ("svc-clean", "south"):
        (jobs / f"{name}.py").write_text(CLEAN)
    (jobs / "svc-sum.py").write_text(SUM)
    (jobs / "svc-count.py").write_text(COUNT)
    (jobs / "shared.py").write_text(SHARED)
    (data / "trades.csv").write_text(
        "day,book,quantity\n2026-11-20,o'neil,3\n2026-11-20,o'neil,4\n2026-11-19,o'neil,9\n"
    )
    for name, states in MACHINES.items():
        (jobs / f"{name}.asl.json").write_text(json.dumps({"StartAt": "Start", "States": states}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        places, catalog, _ = staging.stage(folder / "products", folder / "run")
    again = [f"svc/{each.name}-again" for each in STORY]
    moments = (
        *(Moment(at(7), action=operation("rerun", product)) for product in ("svc/rerun", "svc/counted-again", *again)),
        *(Moment(at(20), action=operation("cancel", product)) for product in ("svc/cancelled", *again)),
        Moment(at(40)),  # by then the monitor has asked about cancelled work of which no event reports the end
    )
    ends = datetime(DAY.year, DAY.month, DAY.day, 4, 0, tzinfo=UTC)
    day = Scenario(DAY, UTC, at(0).replace(hour=0), ends, moments=moments, runs=RUNS, expect=EXPECTED, jobs=jobs)
    with runtime.running(places, starts=day.starts) as running:
        running.deploy(lambda line: None)
        provision(running, catalog, jobs, data)
        faults = Faults(running)
        yield Played(running, data, player.play(running, day, data, faults), service)


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


@each_story
def test_a_launch_through_faults_has_one_effect(played: Played, story: Story) -> None:
    assert played.effects(story.type) == [["2026-11-20", f"{story.name}-runs"]]
    ((state, ended),) = played.jobs(f"svc/{story.name}-runs")
    assert state == "SUCCEEDED"
    assert (ended < "01:02") == story.reported, "by its event, or by the monitor"


@each_story
def test_an_end_that_nobody_reported_is_found_with_its_reason(played: Played, story: Story) -> None:
    ((state, ended),) = played.jobs(f"svc/{story.name}-fails")
    assert state == "FAILED"
    assert ended > "01:06", "the event was lost, and the monitor asked"
    assert story.reason in played.why(f"svc/{story.name}-fails")


@each_story
def test_work_is_stopped_at_its_time_out_before_a_next_attempt_and_on_cancel(played: Played, story: Story) -> None:
    assert played.jobs(f"svc/{story.name}-late") == [("STOPPED", "01:10")]
    (first, stopped), (second, cancelled) = played.jobs(f"svc/{story.name}-again")
    assert (first, second) == ("STOPPED", "STOPPED")
    assert stopped < "01:20" <= cancelled


def test_steps_run_on_the_cluster_of_their_pipeline_which_is_released(played: Played) -> None:
    assert (played.data / "sum").read_text() == "north 2026-11-20, south 2026-11-20"
    emr = played.running.client("emr")
    every = [(each["Name"].split("/")[2], each["Status"]) for each in emr.list_clusters()["Clusters"]]
    found = [each for each in every if each[0] != "nightly"]
    ends = [(name, status["StateChangeReason"]["Code"]) for name, status in found]
    released = [(name, "USER_REQUEST") for name in ("clustered", "reclustered", "unclustered")]
    assert sorted(ends) == sorted([*released, ("reclustered", "BOOTSTRAP_FAILURE")])
    assert [each for each, _ in played.jobs("svc/clustered")] == ["SUCCEEDED"] * 4
    assert [each for each, _ in played.jobs("svc/reclustered")] == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert "no such column" in played.why("svc/unclustered")


def test_products_share_one_cluster_which_the_last_of_them_releases(played: Played) -> None:
    assert sorted((played.data / "shared").read_text().split()) == ["shared-last", "shared-too", "sharing"]
    clusters = played.running.client("emr").list_clusters()["Clusters"]
    (shared,) = [each["Status"] for each in clusters if each["Name"].startswith("headgate/svc/nightly/")]
    assert shared["StateChangeReason"]["Code"] == "USER_REQUEST"


def test_the_states_of_a_file_end_the_run_as_steps_do(played: Played) -> None:
    assert (played.data / "counted").read_text().splitlines() == ["2026-11-20"] * 2, "it waits and counts again"
    assert [state for state, _ in played.jobs("svc/counted")] == ["SUCCEEDED"]
    assert [state for state, _ in played.jobs("svc/uncounted")] == ["FAILED"]
    assert "NoRows" in played.why("svc/uncounted")
    assert "nothing came" in played.why("svc/uncounted")
    assert [state for state, _ in played.jobs("svc/counted-again")] == ["STOPPED", "SUCCEEDED"]
