"""The cases by which loading files is accepted, and where each is tested; below are those that belong to no other module.

 1. overwritten before it is claimed: test_files_content; test_files_arrive, test_files_races (orders of versions), test_job_batches (content by version)
 2. overwritten while it is claimed: test_files_content; test_file_batches (`replaces`), test_files_while_loading (after the last plan)
 3. empty, then corrected: test_files_arrive; folders and test events: test_landing
 4. duplicates, both envelopes: test_landing, test_files_content
 5. names: test_landing, test_files_content
 6. a burst: test_files_burst (`make soak`), test_files_races (plans), benchmarks/files.py
 7. unknown source: test_landing
 8. an extra part while the run loads, and after it: test_files_while_loading, test_files_corrected, test_files_content
 9. corrections by policy: test_files_corrected
10. partial results: test_files_content; test_file_batches_handler, test_file_batches
11. a poison file: test_file_batches
12. quality: test_files_content; test_quality_checks, test_file_batches (`accept`)
13. access denied: below; the policy of the queue: test_landing_template
14. completeness: test_files_arrive, test_landing (manifests), and below
15. crashes: test_files_crashes, test_files_killed (deployed); a lost notification: test_landing; all of it in any order: test_files_everything
"""

from datetime import timedelta
from itertools import permutations

import pytest

from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.state_files import land, positions, statuses
from tests.state_loading import Load, ids
from tests.state_steps import ARN, LOADED, SIX, TODAY
from tests.state_world import World

KEY = "arn:aws:kms:us-east-1:123456789012:key/5a"
DENIED = f"ClientError: AccessDenied: not authorized to perform kms:Decrypt on {KEY}"
MANIFEST = {
    "manifest": {"name": "positions_{date}.json", "entries": "files", "file": "name", "size": None, "md5": None}
}
LIST = "positions_20261120.json"
EU, US, AP = (f"positions_{each}_20261120.csv.gz" for each in ("EU", "US", "AP"))
LATER = SIX + timedelta(hours=1)


def entries(*files: str) -> list[dict[str, str | None]]:
    return [{"name": each, "size": None, "md5": None} for each in files]


def released(world: World, date: str = TODAY) -> bool:
    return world.run("raw/positions", date)["released_at"] is not None


def test_a_file_whose_key_is_denied_ends_alone_and_waits_for_a_person(world: World) -> None:
    load = Load(world, 3)
    (batch,) = ids(load.plan())
    denied, *others = load.files(batch)
    said = [{"file_id": each, "outcome": "PROCESSED"} for each in others]
    refusal = {"file_id": denied, "outcome": "FAILED", "message": DENIED, "retry": False}
    world.state.record_batch(batch, "jr_1", [refusal, *said], SIX)
    ended = load.plan()
    assert ended.decision == "failed"
    assert KEY in str(ended.message)
    assert load.counts() == {"PROCESSED": 2, "FAILED": 1}
    world.state.record_outcome(load.run, 1, "ERROR", "FilesFailed", ended.message, SIX, "machine")
    world.state.repair(LATER)
    world.state.settle_files(LATER)
    assert (world.run("raw/positions", TODAY)["status"], load.counts()["FAILED"]) == ("ERROR", 1)


def deny(load: Load) -> int:
    """Of the files of the batch one is denied, and the others are loaded; the step fails. Gives the number of that file."""
    (batch,) = ids(load.plan())
    denied, *others = load.files(batch)
    said = [{"file_id": each, "outcome": "PROCESSED"} for each in others]
    refusal = {"file_id": denied, "outcome": "FAILED", "message": DENIED, "retry": False}
    load.world.state.record_batch(batch, "jr_1", [refusal, *said], SIX)
    assert load.plan().decision == "failed"
    return denied


def fail(load: Load, error: str = "FilesFailed") -> None:
    load.world.state.record_outcome(load.run, load.attempt, "ERROR", error, DENIED, SIX, "machine")


def test_the_retry_of_a_step_does_not_repeat_a_denial(world: World) -> None:
    """`retry` of the step plans once more. A denial is no fault that passes."""
    load = Load(world, 3, tries=1)
    deny(load)
    again = load.plan()
    assert (again.decision, again.batches) == ("failed", [])
    assert KEY in str(again.message)


def test_an_attempt_that_starts_by_itself_does_not_repeat_a_denial(world: World) -> None:
    """The machine was lost after the step had failed, and the monitor starts the run again."""
    load = Load(world, 3)
    deny(load)
    world.state.end_lost_machine(load.run, 1, "States.Runtime", "broke", True, 2, "monitor", SIX)
    load.begin()
    assert (load.attempt, load.plan().decision) == (2, "failed")
    assert load.counts() == {"PROCESSED": 2, "FAILED": 1}


def test_what_is_known_of_a_denied_file_says_what_to_do(
    world: World, aws: FakeAws, running: None, headgate: Headgate
) -> None:
    denied = deny(Load(world, 2))
    _, said = headgate("files", "show", str(denied))
    assert KEY in said
    assert said.splitlines()[-1] == (
        "Its job said that no retry helps. Once the cause is mended, this tries it again: `headgate rerun raw/positions --date 2026-11-20`"
    )


@pytest.mark.parametrize("way", ["rerun", "retry"])
def test_a_person_who_says_so_has_a_denied_file_tried_again(world: World, way: str) -> None:
    load = Load(world, 3)
    denied = deny(load)
    fail(load)
    if way == "retry":
        world.state.operate({"action": "retry_files", "files": [denied], "reason": "granted"}, False, None, "me", SIX)
    again = {"action": "rerun", "product": "raw/positions", "business_date": TODAY}
    world.state.operate(again, False, None, "me", SIX)
    load.begin()
    (batch,) = ids(load.plan())
    assert load.files(batch) == [denied]


@pytest.mark.parametrize(
    "order", list(permutations([EU, US, LIST])), ids=lambda each: " ".join(name[10:12] for name in each)
)
def test_the_manifest_may_come_before_amid_and_after_its_files(world: World, order: tuple[str, ...]) -> None:
    world.load({"raw/positions": positions(MANIFEST)}, LOADED)
    for place, name in enumerate(order):
        expected = {"expected": entries(EU, US)} if name == LIST else {}
        assert land(world, [name], SIX, **expected)["released"] == int(place == 2)


def test_a_manifest_that_names_one_more_file_after_the_set_was_complete_corrects_it(world: World) -> None:
    world.load({"raw/positions": positions(MANIFEST, on_correction="rerun")}, LOADED)
    land(world, [LIST], SIX, expected=entries(EU))
    land(world, [EU], SIX)
    run = world.run("raw/positions", TODAY)["run_id"]
    world.state.begin_pipeline(run, 1, ARN, SIX)
    world.state.finish_attempt(run, 1, "COMPLETED", None, None, SIX)
    land(world, [LIST], LATER, version="2", expected=entries(EU, US))
    assert world.run("raw/positions", TODAY)["attempt"] == 1, "it waits for the file that the list names"
    land(world, [US], LATER)
    assert world.run("raw/positions", TODAY)["attempt"] == 2
    assert released(world)


def test_both_ways_to_write_a_part_are_the_same_part(world: World) -> None:
    world.load({"raw/positions": positions({"parts": True})}, LOADED)
    first, again, second, third = (
        f"positions_EU_20261120_{each}.csv.gz" for each in ("01of03", "1of3", "2of3", "03of3")
    )
    land(world, [first, again, second], SIX)
    assert not released(world)
    assert land(world, [third], SIX)["released"] == 1


@pytest.mark.parametrize("first", ["the file", "the deadline"])
def test_the_last_file_may_come_at_the_very_moment_of_the_deadline(world: World, first: str) -> None:
    world.load({"raw/positions": positions({"values": {"region": ["EU", "US"]}})}, LOADED)
    land(world, [EU], SIX)
    run = world.run("raw/positions", TODAY)["run_id"]
    world.state.register_wait(run, 1, "token", ARN, SIX)
    if first == "the file":
        land(world, [US], LATER)
        assert world.state.resolve_deadline(run, 1, "fail", LATER).decision == "start"
    else:
        assert world.state.resolve_deadline(run, 1, "fail", LATER).decision == "fail"
        land(world, [US], LATER)
        world.state.finish_attempt(run, 1, "ERROR", "DeadlineExceeded", None, LATER)
    assert released(world)
    assert statuses(world) == {EU: ["RECEIVED"], US: ["RECEIVED"]}


def test_a_file_of_tomorrow_starts_nothing_of_today(world: World) -> None:
    world.load({"raw/positions": positions({"count": 1})}, LOADED)
    land(world, ["positions_EU_20261121.csv.gz"], SIX)
    assert world.sql("SELECT business_date::text FROM data_product_status") == [("2026-11-21",)]
