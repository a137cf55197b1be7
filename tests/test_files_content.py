"""From the notification to the content that a job reads: which version of which object is loaded, however its events come."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

import file_batches
import landed_files
import runtime
from headgate_jobs.batch import Batch
from state.errors import FilesRejected
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke
from tests.state_files import BUCKET, PREFIX, positions, statuses
from tests.state_loading import SETTINGS
from tests.state_world import World, at, step
from tests.test_landing import NAMES, bridged, notified, receive

LOADED = at("2026-11-20 00:00")
BATCHES = "headgate-batches"
EU, US = (f"positions_{each}_20261120.csv.gz" for each in ("EU", "US"))
ANY_NAME = {"pattern": "(?s).*", "date": {"arrival": True, "day_ends": None, "timezone": "UTC", "offset": 0}}


class Chain:
    """raw/positions, its bucket, and what its machine asks of the functions. `target`: what the job has loaded of each object."""

    def __init__(self, world: World, s3: Any, files: int, settings: dict[str, Any], **more: Any) -> None:
        self.world, self.s3, self.waves = world, s3, 0
        self.target: dict[str, list[str]] = defaultdict(list)
        steps = [{**step("load"), "settings": {"batches": {**SETTINGS, **settings}}}]
        entry = {**positions({"count": files}, **more), "pipeline": {"timeout": None, "steps": steps}}
        world.load({"raw/positions": entry}, LOADED)

    def put(self, name: str, content: str, sequencer: str = "1") -> dict[str, Any]:
        """The message of S3 about a new version of the object."""
        done = self.s3.put_object(Bucket=BUCKET, Key=PREFIX + name, Body=content.encode())
        message = notified(name, size=len(content))
        item = message["Records"][0]["s3"]["object"]
        item |= {"versionId": done["VersionId"], "eTag": done["ETag"].strip('"'), "sequencer": sequencer}
        return message

    def begin(self) -> None:
        run = self.world.run("raw/positions", TODAY)
        self.run = {"run_id": str(run["run_id"]), "attempt": run["attempt"]}
        invoke("pipeline_configuration", {**self.run, "execution_arn": "arn:aws:states:x:1:execution:m:e"})

    def ask(self, action: str, **more: Any) -> Any:
        return invoke("file_batches", {"action": action, **self.run, "step": "load", **more})

    def plan(self) -> list[dict[str, Any]]:
        self.waves += 1
        return list(self.ask("plan", entered_at=f"moment {self.waves}")["batches"])

    def job(self, batch: dict[str, Any], job_run: str = "jr_1") -> Batch:
        arguments = [part for each in batch["arguments"].items() for part in each]
        return Batch.of_arguments(["job.py", *arguments, "--JOB_RUN_ID", job_run], self.s3)

    def load(self, batch: dict[str, Any], job_run: str = "jr_1") -> Batch:
        """A job run loads the batch, and that is recorded."""
        with self.job(batch, job_run) as given:
            for file in given:
                with file:
                    self.target[file.key.removeprefix(PREFIX)].append(file.open().read().decode())
                    file.processed(rows_read=1, rows_written=1)
        self.ask("record", batch_id=batch["batch_id"], job_run_id=job_run)
        return given

    def complete(self) -> dict[str, Any]:
        detail: dict[str, Any] = invoke("outcome_recorder", {"status": "COMPLETED", **self.run})["detail"]
        return detail


@pytest.fixture(name="s3")
def _s3(monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> Iterator[Any]:
    monkeypatch.setenv("BATCHES_BUCKET", BATCHES)
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for name in (BUCKET, BATCHES):
            client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        for module in (file_batches, landed_files):
            monkeypatch.setattr(module, "s3" if module is file_batches else "objects", lambda: client)
        yield client


def test_of_a_file_that_was_overwritten_the_newer_content_is_loaded_in_whatever_order_its_events_come(
    world: World, s3: Any
) -> None:
    """The event of the older version comes after that of the newer one, twice. S3 compares sequencers padded on the right: 5A is newer than 59F."""
    chain = Chain(world, s3, 1, {})
    old, new = chain.put(EU, "the first version", "59F"), chain.put(EU, "the second version", "5A")
    receive(new)
    receive(old, old)
    chain.begin()
    (batch,) = chain.plan()
    chain.load(batch)
    assert chain.plan() == []
    assert chain.target == {EU: ["the second version"]}
    assert statuses(world) == {EU: ["SUPERSEDED", "PROCESSED"]}


def test_a_file_that_is_overwritten_while_a_job_loads_it_is_loaded_again_before_the_run_completes(
    world: World, s3: Any
) -> None:
    chain = Chain(world, s3, 1, {})
    receive(chain.put(EU, "the first version", "1"))
    chain.begin()
    (batch,) = chain.plan()
    older = chain.job(batch).files[0]
    receive(chain.put(EU, "the second version", "2"))
    chain.load(batch)
    (again,) = chain.plan()
    (newer,) = chain.load(again, "jr_2").files
    assert newer.replaces == [older.file_id]
    assert chain.plan() == []
    detail = chain.complete()
    assert chain.target == {EU: ["the first version", "the second version"]}
    assert (detail["attempt"], detail["metadata"]["files"], detail["metadata"]["generation"]) == (1, 1, 2)
    assert world.run("raw/positions", TODAY)["outdated_at"] is None


def test_an_object_of_any_name_is_loaded_once_though_two_ways_report_it_three_times(world: World, s3: Any) -> None:
    """S3 itself encodes the key, EventBridge does not. The job reads each by the name that it has."""
    chain = Chain(world, s3, len(NAMES), {"max_files": 3}, **ANY_NAME)
    for name in NAMES:
        message = chain.put(name, f"content of {name}")
        item = message["Records"][0]["s3"]["object"]
        event = bridged(name)
        event["detail"]["object"] |= {
            "version-id": item["versionId"], "etag": item["eTag"], "size": item["size"], "sequencer": item["sequencer"],
        }  # fmt: skip
        receive(message, event, message)
        receive(event, event, message)
    chain.begin()
    for number, batch in enumerate(chain.plan()):
        chain.load(batch, f"jr_{number}")
    assert chain.plan() == []
    assert chain.target == {name: [f"content of {name}"] for name in NAMES}


def test_a_part_that_comes_after_the_run_has_completed_is_loaded_by_its_next_attempt_which_publishes(
    world: World, s3: Any
) -> None:
    chain = Chain(world, s3, 1, {}, on_correction="rerun")
    receive(chain.put(EU, "the first part"))
    chain.begin()
    (batch,) = chain.plan()
    chain.load(batch)
    assert chain.plan() == []
    assert chain.complete()["attempt"] == 1
    receive(chain.put(US, "a further part"))
    run = world.run("raw/positions", TODAY)
    assert (run["attempt"], run["status"]) == (2, "WAITING")
    published = "SELECT count(*) FROM effect WHERE kind = 'put_event' AND effect_key LIKE 'publish %%' AND payload #>> '{detail,status}' = 'COMPLETED'"
    assert world.sql(published) == [(1,)], "nothing more is published before the attempt has loaded it"
    chain.begin()
    (batch,) = chain.plan()
    chain.load(batch)
    assert chain.plan() == []
    assert chain.complete()["metadata"]["files"] == 2
    assert chain.target == {EU: ["the first part"], US: ["a further part"]}


def part(number: int) -> str:
    return f"positions_EU_20261120_{number}of100.csv.gz"


def test_of_a_hundred_files_the_one_that_its_job_forgot_is_loaded_alone(world: World, s3: Any) -> None:
    """97 are loaded and two rejected. Beside the results lie those of a job run that was lost, which say that all is well."""
    chain = Chain(world, s3, 100, {"accept": {"rejected": 2, "failed": 0}})
    receive(*[chain.put(part(number), f"part {number}") for number in range(1, 101)])
    chain.begin()
    (batch,) = chain.plan()
    with chain.job(batch, "jr_lost") as lost:
        for file in lost:
            file.processed()
    said = chain.job(batch)
    forgotten = said.files[41]
    for nth, file in enumerate(said.files):
        if nth in (7, 93):
            file.rejected("no rows")
        elif file is not forgotten:
            file.processed()
    said.save()
    chain.ask("record", batch_id=batch["batch_id"], job_run_id="jr_1")
    counts = dict(world.sql("SELECT status, count(*)::integer FROM landing_file GROUP BY 1"))
    assert counts == {"PROCESSED": 97, "REJECTED": 2, "RECEIVED": 1}
    (alone,) = chain.plan()
    assert [each.file_id for each in chain.load(alone, "jr_2").files] == [forgotten.file_id]
    assert chain.plan() == []
    assert chain.target == {forgotten.key.removeprefix(PREFIX): ["part " + forgotten.facets["part"]]}


@pytest.mark.parametrize("accept", [0, "1%"])
def test_one_file_of_a_hundred_that_is_wrong_ends_the_run_or_is_counted(world: World, s3: Any, accept: Any) -> None:
    chain = Chain(world, s3, 100, {"accept": {"rejected": accept, "failed": 0}})
    receive(*[chain.put(part(number), f"part {number}") for number in range(1, 101)])
    chain.begin()
    (batch,) = chain.plan()
    rule = {"rule": 'IsComplete "account_id"', "severity": "reject", "passed": False}
    with chain.job(batch) as given:
        for nth, file in enumerate(given):
            with file:
                file.rejected("account_id is empty", checks=[rule]) if nth == 55 else file.processed()
    chain.ask("record", batch_id=batch["batch_id"], job_run_id="jr_1")
    if accept:
        assert chain.plan() == []
        metadata = chain.complete()["metadata"]
        assert (metadata["files"], metadata["rejected"]) == (99, 1)
        return
    with pytest.raises(FilesRejected) as ended:
        chain.plan()
    name = given.files[55].key.removeprefix(PREFIX)
    assert str(ended.value) == f"1 of 100 files were rejected, and 0 may be: {name} (account_id is empty)"
    invoke("outcome_recorder", {"status": "ERROR", **chain.run, "error": "FilesRejected", "cause": str(ended.value)})
    assert world.run("raw/positions", TODAY)["status"] == "ERROR"
    said = [json.dumps(payload) for (payload,) in world.sql("SELECT payload FROM effect WHERE kind = 'put_event'")]
    assert not [each for each in said if '"COMPLETED"' in each], "no refresh is published"
