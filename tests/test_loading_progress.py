"""What people see of a step that loads files in batches: how far it is, what was left out and why, and one batch by itself."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from state.errors import UnknownFile
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.query_plans import Explained
from tests.state_acting import Acting
from tests.state_files import land
from tests.state_loading import Load, ids, names
from tests.state_steps import DAY, SIX, TODAY
from tests.state_world import SOAK, World

RULES = ('IsComplete "account_id"', "RowCount > 0")


@pytest.fixture(autouse=True)
def commands(aws: FakeAws, running: None) -> None:
    """The commands ask the functions."""


def launch(load: Load, batch: int) -> str:
    job_run = f"jr_{batch}"
    state, run = load.world.state, load.run
    state.record_job_start(run, load.attempt, "load", "glue", "job-load", job_run, {"batch": batch}, "token", SIX)
    return job_run


def record(load: Load, batch: int, rejected: dict[int, list[str]] | None = None) -> None:
    """The files of a batch are loaded, but for the first so many that fail these rules."""
    lines: list[dict[str, Any]] = [{"file_id": each, "outcome": "PROCESSED"} for each in load.files(batch)]
    for place, rules in (rejected or {}).items():
        checks = [{"rule": each, "severity": "reject", "passed": False} for each in rules]
        lines[place] |= {"outcome": "REJECTED", "checks": checks}
    load.world.state.record_batch(batch, launch(load, batch), lines, SIX)


def second_wave(world: World) -> Load:
    """Of twelve files in six batches of a first wave one batch came back and is loaded in halves: one of them runs."""
    load = Load(world, 12, max_files=2, accept={"rejected": "50%", "failed": 0})
    first, second, third, *others = ids(load.plan())
    record(load, first, {0: [RULES[0]], 1: list(RULES)})
    record(load, second, {0: [RULES[0]]})
    load.fail(third)
    for each in others:
        record(load, each)
    launch(load, ids(load.plan())[0])
    return load


def answer_to(headgate: Headgate, *words: str) -> str:
    code, text = headgate(*words, "--date", TODAY)
    assert code == 0, text
    return text


SENTENCE = (
    "wave 2, batch 1 of 2 running, 1 not launched yet, 5 done, 1 failed and planned again; 7 of 12 files PROCESSED, "
    '3 REJECTED (IsComplete "account_id": 3, RowCount > 0: 1)'
)


def test_a_run_says_which_batches_it_loads_and_what_was_left_out(world: World, headgate: Headgate) -> None:
    load = second_wave(world)
    said = answer_to(headgate, "why", "raw/positions")
    assert f"\nLoading: {SENTENCE}.\n" in said
    assert SENTENCE in answer_to(headgate, "status")
    found = json.loads(answer_to(headgate, "why", "raw/positions", "--json"))["run"]["loading"]
    (batch,) = found["running"]
    assert (batch["number"], batch["job_run_id"]) == (1, f"jr_{batch['batch']}")
    assert found["statuses"] == {"CLAIMED": 2, "PROCESSED": 7, "REJECTED": 3}
    (row,) = json.loads(answer_to(headgate, "status", "--json"))["products"]
    assert row["loading"] == found
    assert load.attempt == 1


def test_after_the_end_it_says_what_was_loaded(world: World, headgate: Headgate) -> None:
    load = second_wave(world)
    for each in world.sql("SELECT batch_id FROM landing_batch WHERE status = 'PLANNED' ORDER BY batch_id"):
        record(load, each[0])
    assert load.plan().decision == "done"
    world.state.record_outcome(load.run, 1, "COMPLETED", None, None, SIX, "machine")
    sentence = '12 files in 7 batches, 1 more failed and planned again, 3 REJECTED (IsComplete "account_id": 3, RowCount > 0: 1)'
    assert f"\nLoaded: {sentence}.\n" in answer_to(headgate, "why", "raw/positions")
    assert sentence in answer_to(headgate, "status")


def test_what_was_loaded_is_said_as_of_the_end_of_the_step(world: World, headgate: Headgate) -> None:
    load = Load(world, 2, accept={"rejected": 1, "failed": 0})
    record(load, ids(load.plan())[0], {0: ["RowCount > 0"]})
    load.plan()
    world.state.record_outcome(load.run, 1, "COMPLETED", None, None, SIX, "machine")
    world.sql("UPDATE landing_file SET status = 'IGNORED' WHERE status = 'REJECTED'")
    assert "2 files in 1 batch, 1 REJECTED (RowCount > 0: 1)" in answer_to(headgate, "status")


def test_a_run_that_failed_names_the_reasons_of_files_that_could_not_be_loaded(
    world: World, headgate: Headgate
) -> None:
    load = Load(world, 3)
    (batch,) = ids(load.plan())
    launch(load, batch)
    load.record(batch, "FAILED", retry=False, message="AccessDenied: kms:Decrypt")
    assert load.plan().decision == "failed"
    world.state.record_outcome(load.run, 1, "ERROR", "FilesFailed", "3 of 3", SIX, "machine")
    assert "3 files in 1 batch, 3 FAILED (AccessDenied: kms:Decrypt: 3)" in answer_to(headgate, "why", "raw/positions")


def test_of_very_many_files_left_out_the_first_give_the_reasons(world: World, headgate: Headgate) -> None:
    load = Load(world, 1, accept={"rejected": "100%", "failed": 0})
    record(load, ids(load.plan())[0], {0: ["RowCount > 0"]})
    world.sql(
        "INSERT INTO landing_file (product_id, kind, bucket, key, version, size, event_at, received_at, matched_at, how, business_date, facets, counts, status, reason, "
        "changed_at, changed_by) SELECT 'raw/positions', 'data', 'b', n::text, 'v', 1, now(), now(), now(), 'event', %s, '{}', true, 'REJECTED', 'too small ' || n %% 9, "
        "now(), 'files' FROM generate_series(1, 1500) n", TODAY,
    )  # fmt: skip
    load.plan()
    said = answer_to(headgate, "why", "raw/positions")
    assert (
        "1,501 REJECTED (too small 0: 111, too small 1: 111, too small 2: 111, too small 3: 111, too small 4: 111)"
        in said
    )
    assert ", reasons of the first 1,000, 5 more reasons." in said


def test_a_run_that_loads_nothing_in_batches_says_nothing_of_it(world: World, headgate: Headgate) -> None:
    load = Load(world, 1)
    assert "Loading" not in answer_to(headgate, "why", "raw/positions")
    assert load.attempt == 1


def test_one_batch_is_followed_to_its_job_run_and_its_files(
    world: World, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = second_wave(world)
    first, _, third = (
        each for (each,) in world.sql("SELECT batch_id FROM landing_batch WHERE wave = 1 ORDER BY number LIMIT 3")
    )
    ((running,),) = world.sql("SELECT max(handle ->> 'batch')::integer FROM job_run WHERE ended_at IS NULL")
    code, said = headgate("files", "batch", str(first))
    assert code == 0
    assert said.splitlines() == [
        f"Batch {first} of raw/positions for 2026-11-20: step load, attempt 1, wave 1, 1 of 6",
        "2 files, 20 bytes; planned at 06:00, ended at 06:00; recorded",
        "Its files: 2 REJECTED.",
        '  1  positions_EU_20261120_10of12.csv.gz  REJECTED: IsComplete "account_id"',
        '  2  positions_EU_20261120_11of12.csv.gz  REJECTED: IsComplete "account_id"; RowCount > 0',
        f"Job run: job-load jr_{first}, started at 06:00, still running",
        f"  its log: `headgate logs raw/positions --date 2026-11-20 --step load --batch {first}`",
        f"Manifest: batches/{load.run}/1/load/{first}.jsonl, results below batches/{load.run}/1/load/{first}/ in the bucket of batches (output BatchesBucket).",
    ]
    assert (
        "failed; its files were planned again\nIts files: 2 in later batches."
        in headgate("files", "batch", str(third))[1]
    )
    assert f"batch {running}, attempt 1: job-load jr_{running}" in answer_to(headgate, "why", "raw/positions")


def test_files_are_found_by_batch_and_by_the_beginning_of_their_name(world: World, headgate: Headgate) -> None:
    load = Load(world, 9, max_files=4)
    _, batch, _ = ids(load.plan())

    def listed(*words: str) -> list[str]:
        code, text = headgate("files", "list", *words, "--json")
        assert code == 0, text
        return [
            each["name"].removeprefix("custodian/positions/positions_EU_20261120_")
            for each in json.loads(text)["files"]
        ]

    assert listed("--batch", str(batch)) == [f"{each}of9.csv.gz" for each in (8, 7, 6, 5)]
    assert listed("--name", "positions_EU_20261120_1") == ["1of9.csv.gz"]
    assert listed("raw/positions", "--name", "custodian/positions/positions_EU_20261120_9") == ["9of9.csv.gz"]
    assert listed("--batch", str(batch), "--name", "positions_EU_20261120_7") == ["7of9.csv.gz"]
    assert listed("--name", "positions_EU_%") == []
    assert f"batch {batch}: `headgate files batch {batch}`" in headgate("files", "show", "6")[1]
    assert f"  {batch}  " in headgate("files", "list", "--batch", str(batch))[1]


def test_a_batch_that_does_not_exist_is_refused(headgate: Headgate) -> None:
    with pytest.raises(
        UnknownFile, match="no batch has the number 7; `headgate why` and `headgate files list` have them"
    ):
        headgate("files", "batch", "7")


FILES = 50_000 if SOAK > 1 else 2_000


@pytest.mark.slow
def test_questions_about_a_load_go_by_index_however_many_files_there_are(world: World) -> None:
    """With plans that were made when the tables were empty. What a step has made of its files is read once for a run that loads, and not at all after that."""
    load = Load(world, 1)
    session = Explained(world.dsn, plan_cache_mode="force_generic_plan")
    asked: dict[str, Callable[[Acting], Any]] = {
        "why": lambda state: state.explain_run("raw/positions", DAY, None, SIX),
        "status": lambda state: state.status_of_day(DAY, None, "", 50, SIX),
        "batch": lambda state: state.describe_batch(1),
        "files of a batch": lambda state: state.files_page(None, None, None, 1, None, "", 50),
    }
    asked["status"](session.state)
    some = names(FILES)
    for start in range(0, FILES, 1000):
        land(world, some[start : start + 1000], SIX)
    for batch in ids(load.plan())[:3]:
        record(load, batch, {0: ["RowCount > 0"]})
    for name, ask in asked.items():
        ask(session.state)
        of_files = [each for each in session.scans if each.table.startswith(("landing_", "job_run")) and each.examined]
        assert [str(each) for each in of_files if each.node == "Seq Scan" and each.table != "landing_source"] == [], (
            name
        )
        files = sum(each.examined for each in of_files if each.table == "landing_file")
        assert files <= {"why": 8, "status": 1.1}.get(name, 1) * FILES, name
        assert sum(each.examined for each in of_files if each.table == "job_run") <= 50, name
    session.connection.close()
