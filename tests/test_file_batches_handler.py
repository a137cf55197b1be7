"""The function of batches and the package for jobs speak the same manifest and the same results, through S3."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

import file_batches
from headgate_jobs.batch import Batch
from job_run import mark_of
from state.errors import BadEvent, FilesRejected, FilesRemain, StateUnavailable
from tests.fake_aws import FakeAws
from tests.golden import FOLDER, expect
from tests.handler_steps import invoke, sample
from tests.state_lanes import Stream, change
from tests.state_loading import JOB, Load
from tests.state_world import World

BUCKET = "headgate-batches"
RULE = {"rule": "RowCount > 0", "severity": "reject", "passed": False, "value": 0.0}
CHECKS = {"reject": [{"rule": "RowCount > 0", "test": {"type": "RowCount"}}]}


@pytest.fixture(name="s3")
def _s3(monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> Iterator[Any]:
    monkeypatch.setenv("BATCHES_BUCKET", BUCKET)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        monkeypatch.setattr(file_batches, "s3", lambda: client)
        yield client


class Machine:
    """What the machine of raw/positions asks of the function, and what its job runs do."""

    def __init__(self, world: World, s3: Any, load: Load | None = None, **settings: Any) -> None:
        self.load, self.s3, self.entered = load or Load(world, 5, max_files=2, **settings), s3, 0

    def ask(self, action: str, **more: Any) -> dict[str, Any]:
        event = {"action": action, "run_id": str(self.load.run), "attempt": 1, "step": "load", **more}
        answer: dict[str, Any] = json.loads(json.dumps(invoke("file_batches", event)))
        return answer

    def plan(self) -> list[dict[str, Any]]:
        self.entered += 1
        planned = self.ask("plan", entered_at=f"moment {self.entered}")
        return list(planned["batches"]) if planned["decision"] == "load" else []

    def job(self, batch: dict[str, Any], job_run: str | None = JOB) -> Batch:
        """The batch as the job run sees it."""
        arguments = [part for each in batch["arguments"].items() for part in each]
        return Batch.of_arguments(["job.py", *arguments, *(["--JOB_RUN_ID", job_run] if job_run else [])], self.s3)

    def load_all_but_the_third(self) -> None:
        """The jobs of a wave reject part 3 and process the others."""
        for batch in self.plan():
            with self.job(batch) as job:
                for file in job:
                    with file:
                        file.rejected("no rows") if file.facets["part"] == "3" else file.processed()
            self.ask("record", batch_id=batch["batch_id"], job_run_id=JOB)


def test_a_job_gets_its_files_and_what_it_says_of_them_is_recorded(world: World, s3: Any) -> None:
    machine = Machine(world, s3, checks=CHECKS, columns={"expected": ["a"], "extra": "warn"})
    first, *others = machine.plan()
    with machine.job(first) as batch:
        assert (batch.product, batch.business_date, batch.attempt, batch.load) == (
            "raw/positions",
            "2026-11-20",
            1,
            "full",
        )
        assert (batch.checks, batch.columns) == (CHECKS, {"expected": ["a"], "extra": "warn"})
        assert [(file.size, file.version_id, file.facets["part"]) for file in batch.files] == [
            (10, "v1", "1"),
            (10, "v1", "2"),
        ]
        for file in batch:
            with file:
                file.processed(rows_read=7, rows_written=6, rows_rejected=1)
    assert machine.ask("record", batch_id=first["batch_id"], job_run_id=JOB) == {"batch_id": first["batch_id"]}
    assert len(others) == 2
    assert machine.load.counts() == {"PROCESSED": 2, "CLAIMED": 3}
    assert world.sql(
        "SELECT DISTINCT rows_read, rows_written, rows_rejected FROM landing_file WHERE status = 'PROCESSED'"
    ) == [(7, 6, 1)]


def test_the_refresh_event_says_how_many_files_it_stands_for(world: World, s3: Any) -> None:
    machine = Machine(world, s3, accept={"rejected": 1, "failed": 0})
    machine.load_all_but_the_third()
    assert machine.plan() == []
    (metadata,) = world.sql("SELECT metadata FROM run_metadata")[0]
    assert metadata == {"files": 4, "rejected": 1, "failed": 0, "generation": 1, "incomplete": []}


def test_each_batch_has_a_mark_of_its_own(world: World, s3: Any) -> None:
    machine = Machine(world, s3)
    marks = [each["arguments"]["--headgate_launch"] for each in machine.plan()]
    assert marks == [mark_of(machine.load.run, 1, "load", number) for number in (1, 2, 3)]


def test_the_same_plan_again_writes_the_same_manifests(world: World, s3: Any) -> None:
    machine = Machine(world, s3)
    written = []
    for _ in range(2):
        machine.plan()
        machine.entered -= 1
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        written.append({key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys})
    assert written[0] == written[1]
    assert len(written[0]) == 3


def test_results_of_another_job_run_count_for_nothing(world: World, s3: Any) -> None:
    """The first job run of the batch wrote some before it was lost; a second one loaded the batch."""
    machine = Machine(world, s3)
    batch, *_ = machine.plan()
    with machine.job(batch, "jr_lost") as lost:
        for file in lost:
            with file:
                file.processed()
    machine.ask("record", batch_id=batch["batch_id"], job_run_id=JOB)
    assert world.sql("SELECT DISTINCT reason FROM landing_file WHERE batch_id = 1") == [("the job said nothing of it",)]


def test_a_job_that_does_not_know_its_own_run_is_understood(world: World, s3: Any) -> None:
    """Glue's Python shell gives no id."""
    machine = Machine(world, s3)
    batch, *_ = machine.plan()
    with machine.job(batch, None) as shell:
        for file in shell:
            with file:
                file.processed()
    machine.ask("record", batch_id=batch["batch_id"], job_run_id=JOB)
    assert machine.load.counts() == {"PROCESSED": 2, "CLAIMED": 3}


def test_lines_that_are_no_results_are_left_out(world: World, s3: Any) -> None:
    machine = Machine(world, s3)
    batch, *_ = machine.plan()
    lines = [
        b"\xff\xfe{}",
        b"not json",
        b"[1]",
        b'{"file_id": "1", "outcome": "PROCESSED"}',
        b'{"file_id": 1, "outcome": "GREAT"}',
        b'{"file_id": 2, "outcome": "PROCESSED", "rows_read": "many", "checks": "none"}',
        b'{"file_id": 4, "outcome": "PROCESSED"}',
        b"",
    ]
    s3.put_object(Bucket=BUCKET, Key=f"batches/{machine.load.run}/1/load/1/{JOB}.jsonl", Body=b"\n".join(lines))
    machine.ask("record", batch_id=batch["batch_id"], job_run_id=JOB)
    found = world.sql("SELECT file_id, status FROM landing_file ORDER BY file_id")
    assert found == [(1, "RECEIVED"), (2, "PROCESSED"), (3, "CLAIMED"), (4, "CLAIMED"), (5, "CLAIMED")]


@pytest.mark.parametrize(
    "line",
    [
        '{"file_id": 1, "outcome": "PROCESSED", "checks": [{"rule": "Mean", "passed": false, "severity": "warn", "value": NaN}]}',
        '{"file_id": 1, "outcome": "PROCESSED", "checks": [{"rule": "Sum", "passed": false, "severity": "warn", "value": 1e999}]}',
        '{"file_id": 1, "outcome": "PROCESSED", "rows_read": 9223372036854775808}',
        '{"file_id": 1, "outcome": "PROCESSED", "rows_read": -1e400, "rows_written": NaN}',
        '{"file_id": 1, "outcome": "PROCESSED", "message": "\\u0000 and \\ud800"}',
        '{"file_id": 1, "outcome": "PROCESSED", "checks": [{"rule": "x", "passed": false, "value": {"\\u0000": [1]}}]}',
        '{"file_id": 99999999999999999999, "outcome": "PROCESSED"}',
        '{"file_id": 1.0, "outcome": "PROCESSED"}',
        '{"file_id": true, "outcome": "PROCESSED"}',
        '{"file_id": 1, "outcome": "PROCESSED", "more": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"file_id": 1, "outcome": "PROCESSED", "rows_read": ' + "9" * 5_000 + "}",
    ],
)  # fmt: skip
def test_no_line_keeps_what_is_said_of_the_other_files(world: World, s3: Any, line: str) -> None:
    """What cannot be kept of a line is left out, or the line as a whole."""
    machine = Machine(world, s3)
    batch, *_ = machine.plan()
    body = f'{line}\n{{"file_id": 2, "outcome": "PROCESSED"}}'
    s3.put_object(Bucket=BUCKET, Key=f"batches/{machine.load.run}/1/load/1/{JOB}.jsonl", Body=body.encode())
    machine.ask("record", batch_id=batch["batch_id"], job_run_id=JOB)
    ((first,), (second,)) = world.sql("SELECT status FROM landing_file WHERE batch_id = 1 ORDER BY file_id")
    assert (first, second) == (
        "PROCESSED" if '"file_id": 1, ' in line and len(line) < 1000 else "RECEIVED",
        "PROCESSED",
    )


def test_what_jobs_say_of_many_files_fits_into_a_call(world: World, s3: Any) -> None:
    """Two hundred files, each of which fails fifty long rules: sixteen times what a call holds."""
    machine = Machine(world, s3)
    batch, *_ = machine.plan()
    rules = [{"rule": "R" * 1_000, "severity": "reject", "passed": False, "value": "v" * 500}] * 50
    lines = [
        {"file_id": each, "outcome": "REJECTED", "message": "m" * 5_000, "checks": rules} for each in range(1, 201)
    ]
    body = "\n".join(json.dumps(each) for each in lines)
    s3.put_object(Bucket=BUCKET, Key=f"batches/{machine.load.run}/1/load/1/{JOB}.jsonl", Body=body.encode())
    machine.ask("record", batch_id=batch["batch_id"], job_run_id=JOB)
    assert machine.load.counts() == {"REJECTED": 2, "CLAIMED": 3}
    assert world.sql("SELECT count(*) > 0, min(length(rule)) FROM landing_file_check") == [(True, 1_000)]


def test_a_step_with_too_many_rejected_files_ends_with_their_names(world: World, s3: Any) -> None:
    machine = Machine(world, s3)
    machine.load_all_but_the_third()
    with pytest.raises(FilesRejected) as ended:
        machine.plan()
    assert str(ended.value) == "1 of 5 files were rejected, and 0 may be: positions_EU_20261120_3of5.csv.gz (no rows)"


def test_a_failed_batch_gives_its_files_back(world: World, s3: Any) -> None:
    machine = Machine(world, s3)
    batch, *_ = machine.plan()
    cause = json.dumps({"errorMessage": "raw-positions-load ended FAILED", "errorType": "JobFailed"})
    machine.ask("fail", batch_id=batch["batch_id"], error="JobFailed", cause=cause)
    assert machine.load.counts() == {"RECEIVED": 2, "CLAIMED": 3}
    reasons = world.sql("SELECT DISTINCT reason FROM landing_file WHERE status = 'RECEIVED'")
    assert reasons == [("JobFailed: raw-positions-load ended FAILED",)]


def test_a_bucket_that_does_not_answer_is_asked_again(world: World, s3: Any) -> None:
    machine = Machine(world, s3)
    s3.delete_bucket(Bucket=BUCKET)
    with pytest.raises(StateUnavailable, match="the bucket of batches does not answer: NoSuchBucket"):
        machine.plan()


def test_what_the_machine_says_is_checked() -> None:
    with pytest.raises(BadEvent, match="/step is missing"):
        invoke("file_batches", {key: value for key, value in sample("file_batches").items() if key != "step"})


def test_the_changes_of_a_lane_are_given_in_order_and_not_behind_one_that_was_left_out(world: World, s3: Any) -> None:
    """A rule of data quality rejects the second change of the orders."""
    landed = [change(number, table) for number in (2, 10, 1) for table in ("orders", "users")]
    stream = Stream(world, landed, together=["table"])
    machine = Machine(world, s3, load=stream)
    (planned,) = machine.plan()
    manifest = s3.get_object(Bucket=BUCKET, Key=planned["arguments"]["--batch-manifest"].removeprefix(f"s3://{BUCKET}/"))["Body"].read()  # fmt: skip
    expect(FOLDER / "messages/manifest-of-changes.jsonl", manifest.replace(str(stream.run).encode(), b"<run>"))
    with machine.job(planned) as job:
        for file in job:
            with file:
                wrong = (file.facets["table"], file.facets["number"]) == ("orders", "2")
                file.rejected("RowCount > 0", checks=[RULE]) if wrong else file.processed()
    machine.ask("record", batch_id=planned["batch_id"], job_run_id=JOB)
    found = world.sql("SELECT facets ->> 'table', (facets ->> 'number')::integer, status, tries FROM landing_file WHERE kind = 'data' ORDER BY 1, 2")  # fmt: skip
    assert found[:3] == [("orders", 1, "PROCESSED", 0), ("orders", 2, "REJECTED", 0), ("orders", 10, "RECEIVED", 0)]
    assert {status for _, _, status, _ in found[3:]} == {"PROCESSED"}
    with pytest.raises(FilesRejected) as ended:
        machine.plan()
    assert str(ended.value) == (
        "files of table orders stop at orders_20261120_2.csv (file 3, REJECTED: RowCount > 0), and 1 waits behind it"
    )


def test_more_waves_than_one_execution_has_end_it_and_say_so(world: World, s3: Any) -> None:
    stream = Stream(world, [change(1), change(2)], max_files=1)
    machine = Machine(world, s3, load=stream)
    world.sql(
        "INSERT INTO landing_wave (run_id, attempt, step, wave, entered_at, decision, planned_at) SELECT %s, 1, 'load', 99, 'before', 'load', now()",
        str(stream.run),
    )
    with pytest.raises(FilesRemain, match="99 waves of batches have been loaded"):
        machine.plan()
