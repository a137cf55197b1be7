"""A rerun of a product whose files are loaded in batches: what is loaded again, and what the target is told of it."""

import json
from typing import Any

import pytest

from state.errors import ChangedMeanwhile, IllegalTransition
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.state_files import land, positions, statuses
from tests.state_loading import Load, ids, names
from tests.state_steps import LOADED, SIX, TODAY
from tests.state_world import World, product, step


@pytest.fixture(autouse=True)
def commands(aws: FakeAws, running: None) -> None:
    """The commands ask the functions."""


def said(headgate: Headgate, *words: str) -> str:
    code, text = headgate("rerun", "raw/positions", "--date", TODAY, *words)
    assert code == 0, text
    return text


def end(load: Load, outcome: str = "COMPLETED", error: str | None = None) -> None:
    load.world.state.record_outcome(load.run, load.attempt, outcome, error, "why", SIX, "machine")


def loaded(world: World, files: int = 3, rejected: int = 0, **settings: Any) -> Load:
    """A run that has loaded its files but the first ones, which were rejected and may be."""
    load = Load(world, files, max_files=1, accept={"rejected": 1, "failed": 0}, **settings)
    for place, batch in enumerate(ids(load.plan())):
        load.record(batch, "REJECTED" if place < rejected else "PROCESSED", message="bad" if place < rejected else None)
    assert load.plan().decision == "done"
    end(load)
    return load


def given(load: Load) -> list[dict[str, Any]]:
    """The lines of the manifests of the next wave."""
    return [
        json.loads(each.entry)["file"]
        for batch in ids(load.plan())
        for each in load.world.state.batch_files(batch, "", 500)
    ]


def test_a_rerun_loads_what_was_not_loaded_and_says_how_much_that_is(world: World, headgate: Headgate) -> None:
    load = loaded(world, rejected=1)
    assert said(headgate) == (
        "raw/positions for 2026-11-20: attempt 2, which loads 1 of 3 files (10 bytes of 30 bytes); all of them with --all-files\n"
    )
    load.begin()
    assert len(given(load)) == 1


def test_a_rerun_of_all_files_loads_each_of_them_again(world: World, headgate: Headgate) -> None:
    load = loaded(world, rejected=1)
    assert (
        said(headgate, "--all-files")
        == "raw/positions for 2026-11-20: attempt 2, which loads all 3 files (30 bytes) again\n"
    )
    load.begin()
    assert sorted(each["file_id"] for each in given(load)) == [1, 2, 3]
    shown = headgate("files", "show", "3")[1]
    assert shown.index("PROCESSED by files") < shown.index("RECEIVED by ann: loaded again by a rerun")


def test_a_preview_says_what_each_of_both_would_load_and_changes_nothing(world: World, headgate: Headgate) -> None:
    loaded(world)
    assert (
        "Files: raw/positions 2026-11-20 would load 0 of 3 files (0 bytes of 30 bytes); all of them with --all-files."
        in said(headgate, "--dry-run")
    )
    preview = json.loads(said(headgate, "--dry-run", "--all-files", "--json"))
    assert preview["result"][0]["files"] == {"files": 0, "bytes": 0, "all_files": 3, "all_bytes": 30, "again": True}
    assert world.run("raw/positions", TODAY)["attempt"] == 1
    assert statuses(world) == {each: ["PROCESSED"] for each in names(3)}
    land(world, names(3)[:1], SIX, version="2")
    with pytest.raises(ChangedMeanwhile):
        headgate("rerun", "raw/positions", "--date", TODAY, "--all-files", "--expect", preview["digest"])


def test_what_has_no_batches_has_nothing_to_load_again(world: World, headgate: Headgate) -> None:
    world.load({"d/x": product(None, "06:00", name="x"), "raw/positions": positions({"count": 1})}, LOADED)
    world.state.open_due_runs(SIX, "scheduler")
    land(world, names(1), SIX)
    for name, why in (
        ("d/x", "d/x has no files"),
        ("raw/positions", "no step of raw/positions loads files in batches, so every attempt reads what its job reads"),
    ):
        headgate("cancel", name, "--date", TODAY)
        with pytest.raises(IllegalTransition, match=f"{why}; run it again without --all-files"):
            headgate("rerun", name, "--date", TODAY, "--all-files")
        assert world.run(name, TODAY)["attempt"] == 1
        assert "files" not in json.loads(headgate("rerun", name, "--date", TODAY, "--json")[1])[0]


def test_a_version_that_was_loaded_is_replaced_even_if_it_was_to_be_loaded_again(
    world: World, headgate: Headgate
) -> None:
    """Its rows are in the target. The newer one says so, and no file names itself: a job may delete what is replaced after it has written."""
    load = loaded(world, files=1)
    said(headgate, "--all-files")
    land(world, names(1), SIX, version="2")
    assert statuses(world) == {names(1)[0]: ["SUPERSEDED", "RECEIVED"]}
    load.begin()
    (line,) = given(load)
    assert line["replaces"] == [1]
    (batch,) = world.sql("SELECT batch_id FROM landing_batch WHERE attempt = 2")[0]
    load.record(batch)
    assert load.plan().decision == "done"
    end(load)
    said(headgate, "--all-files")
    load.begin()
    assert given(load)[0]["replaces"] == [1]


def test_a_run_whose_files_were_rejected_tries_them_again_by_the_rules_of_now(world: World, headgate: Headgate) -> None:
    """By itself it would wait for corrected ones."""
    load = Load(world, 2)
    world.sql("UPDATE landing_source SET source = source || '{\"settle\": 120}'")
    (batch,) = ids(load.plan())
    load.record(batch, "REJECTED", message="bad")
    assert load.plan().decision == "rejected"
    end(load, "ERROR", "FilesRejected")
    assert said(headgate) == "raw/positions for 2026-11-20: attempt 2, which loads 2 files (20 bytes)\n"
    run = world.run("raw/positions", TODAY)
    assert (run["attempt"], run["released_at"] is not None, run["outdated_at"]) == (2, True, None)
    load.begin()
    assert len(given(load)) == 2


def test_what_was_rejected_when_it_landed_is_not_loaded_by_a_rerun(world: World, headgate: Headgate) -> None:
    load = loaded(world, files=2)
    land(world, ["positions_US_20261120.csv.gz"], SIX, size=0)
    assert "all 2 files" in said(headgate, "--all-files")
    load.begin()
    assert len(given(load)) == 2
    assert statuses(world)["positions_US_20261120.csv.gz"] == ["REJECTED"]


@pytest.mark.parametrize("outcome", ["ERROR", "CANCELLED"])
def test_what_a_batch_held_when_its_run_ended_is_loaded_as_well(world: World, headgate: Headgate, outcome: str) -> None:
    load = Load(world, 2, max_files=1)
    first, _ = ids(load.plan())
    load.record(first)
    end(load, outcome)
    assert "would load 1 of 2 files" in said(headgate, "--dry-run")
    said(headgate, "--all-files")
    load.begin()
    assert len(given(load)) == 2


def test_a_run_that_has_not_ended_is_not_run_again(world: World, headgate: Headgate) -> None:
    load = Load(world, 1)
    with pytest.raises(IllegalTransition, match="only a run that has ended can be run again"):
        headgate("rerun", "raw/positions", "--date", TODAY, "--all-files")
    assert load.counts() == {"RECEIVED": 1}


def test_what_depends_on_it_runs_again_with_it(world: World, headgate: Headgate) -> None:
    load = Load(world, 1)
    entry = {
        **positions({"count": 1}),
        "pipeline": {"timeout": None, "steps": [{**step("load"), "settings": {"batches": {}}}]},
    }
    world.load({"raw/positions": entry, "d/risk": product("raw/positions", name="risk")}, LOADED)
    world.sql("UPDATE landing_file SET status = 'PROCESSED'")
    end(load)
    found = json.loads(said(headgate, "--all-files", "--downstream", "--dry-run", "--json"))
    assert found["result"][0]["product"] == "raw/positions"
    assert found["result"][0]["files"]["again"]
