"""What people see of a product that sweeps: the files that wait for its next opening, and openings without files."""

import json

import pytest

import runtime
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.state_files import land, sweeping
from tests.state_steps import LOADED, TODAY
from tests.state_world import World, at

NOON, ONE = at(f"{TODAY} 12:00"), at(f"{TODAY} 13:00")


@pytest.fixture(autouse=True)
def waiting(world: World, aws: FakeAws, running: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The opening at noon has found nothing; two files have come since."""
    monkeypatch.setattr(runtime, "now", lambda: ONE)
    world.load({"raw/positions": sweeping()}, LOADED)
    world.state.open_due_runs(NOON, "scheduler")
    land(world, ["positions_EU.csv", "positions_US.csv"], ONE)


def answer_to(headgate: Headgate, *words: str) -> str:
    found, text = headgate(*words)
    assert found == 0, text
    return text


def test_files_say_which_sweep_they_wait_for(headgate: Headgate) -> None:
    listed = answer_to(headgate, "files", "list", "raw/positions")
    assert "  custodian/positions/positions_EU.csv: waits for the sweep at 14:00" in listed
    assert "a file of raw/positions that waits for the sweep at 14:00" in answer_to(headgate, "files", "show", "1")


def test_why_and_status_say_what_the_next_opening_takes(world: World, headgate: Headgate) -> None:
    skipped = "no file had landed since the opening before"
    said = answer_to(headgate, "why", "raw/positions", "--date", TODAY)
    assert f"raw/positions 1200 for {TODAY} is SKIPPED" in said
    assert f"  {skipped}\nFiles: 2 files wait for the sweep at 14:00.\n" in said
    assert f"{skipped}; 2 files wait for the sweep at 14:00" in answer_to(headgate, "status", "--date", TODAY)
    world.state.open_due_runs(at(f"{TODAY} 14:00"), "scheduler")
    land(world, ["positions_AP.csv"], at(f"{TODAY} 14:30"))
    run = world.run("raw/positions", TODAY, "1400")["run_id"]
    world.state.begin_pipeline(run, 1, "execution", ONE)
    said = answer_to(headgate, "why", "raw/positions", "--date", TODAY)
    assert "Files: 2 files are there; 1 file waits for the sweep at 16:00." in said
    assert "for the sweep" not in answer_to(headgate, "why", "raw/positions", "--date", TODAY, "--cycle", "1200")


def test_a_page_that_polls_hears_of_files_that_wait(world: World, headgate: Headgate) -> None:
    since = world.state.status_news(ONE.date(), None, None).now_at
    land(world, ["positions_AP.csv"], ONE)
    changes = world.state.status_news(ONE.date(), None, since)
    assert changes.products == ["raw/positions"]
    (row,) = world.state.status_of_products(ONE.date(), None, changes.products, "", 50, ONE)
    assert json.loads(row.entry)["sweep"]["waiting"] == 3


def test_an_opening_that_was_missed_is_not_made_up_for_by_hand(headgate: Headgate) -> None:
    said = answer_to(headgate, "why", "raw/positions", "--date", "2026-11-19")
    assert "the next opening takes its files" in said
    assert "backfill" not in said
    assert "; the next opening takes its files" in answer_to(headgate, "status", "--date", "2026-11-19")


def test_a_file_that_its_job_rejects_without_a_word_is_said_to_have_no_reason(world: World, headgate: Headgate) -> None:
    world.state.open_due_runs(at(f"{TODAY} 14:00"), "scheduler")
    world.sql("UPDATE landing_file SET status = 'REJECTED', reason = NULL WHERE key LIKE '%%EU.csv'")
    run = world.run("raw/positions", TODAY, "1400")["run_id"]
    world.state.begin_pipeline(run, 1, "execution", ONE)
    said = answer_to(headgate, "why", "raw/positions", "--date", TODAY)
    assert "REJECTED: no reason given; send it again under the same name" in said
