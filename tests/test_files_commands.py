"""What people see of files, and what they decide about them."""

import json
from datetime import timedelta

import pytest

import missed_deadlines
import runtime
from state.errors import IllegalTransition, UnknownFile
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.state_files import land, positions
from tests.state_steps import LOADED, SIX, TODAY
from tests.state_world import World, product

EU, US, AP = (f"positions_{each}_20261120.csv.gz" for each in ("EU", "US", "AP"))
NOW = SIX + timedelta(hours=1)


@pytest.fixture(autouse=True)
def waiting(world: World, aws: FakeAws, running: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three regions are there, one of them empty."""
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    world.load({"raw/positions": positions(), "d/risk": product("raw/positions", "06:00", name="risk")}, LOADED)
    for day, hour in (("18", 5), ("19", 6)):
        then = SIX - timedelta(days=20 - int(day), hours=6 - hour)
        land(world, [each.replace("1120", "11" + day) for each in (EU, US, AP)], then)
    world.state.open_due_runs(SIX, "scheduler")
    land(world, [EU], SIX, version="1", size=12_100_000)
    land(world, [EU], SIX, version="2", size=12_100_000)
    land(world, [US], SIX, size=0)


def answer_to(headgate: Headgate, *words: str, code: int = 0) -> str:
    found, text = headgate(*words)
    assert found == code, text
    return text


def number(world: World, name: str) -> int:
    ((found,),) = world.sql("SELECT max(file_id) FROM landing_file WHERE key LIKE %s", f"%{name}")
    return int(found)


def test_why_says_which_file_is_missing_and_when_it_usually_comes(world: World, headgate: Headgate) -> None:
    said = answer_to(headgate, "why", "raw/positions", "--date", TODAY, code=0)
    assert "Files: 1 file is there, 1 rejected." in said
    assert "  AP  not here; the last ones came between 05:00 and 06:00" in said
    assert "  US  not here" not in said, "it was sent, and rejected"
    assert f"  {EU}  06:00  12.1 MB; 2 versions, this is the newest" in said
    rejected = number(world, US)
    assert (
        f"  {US}  06:00  0 bytes  REJECTED: smaller than 1 byte; send it again under the same name, or take it as it is with `headgate files retry {rejected}`"
        in said
    )
    assert "#files" not in said


def test_status_says_what_a_set_lacks(headgate: Headgate) -> None:
    said = answer_to(headgate, "status", "--date", TODAY, code=0)
    assert "waits for files of raw/positions; 1 file there, 1 rejected, US and AP missing" in said
    assert "#files" not in said


def test_who_needs_the_product_is_told_of_its_files(headgate: Headgate) -> None:
    said = answer_to(headgate, "why", "d/risk", "--date", TODAY, code=0)
    assert "raw/positions for 2026-11-20  is WAITING for files of raw/positions" in said


def test_a_run_that_has_its_files_says_so_in_a_line(world: World, headgate: Headgate) -> None:
    land(world, [US], NOW, version="2")
    land(world, [AP], NOW)
    said = answer_to(headgate, "why", "raw/positions", "--date", TODAY, code=0)
    assert "Released at" in said
    assert (
        answer_to(headgate, "history", "raw/positions", "--date", TODAY, code=0).count("files of raw/positions arrived")
        == 1
    )


def test_files_are_listed_the_latest_first(world: World, headgate: Headgate) -> None:
    answer = json.loads(answer_to(headgate, "files", "list", "raw/positions", "--date", TODAY, "--json", code=0))
    assert [(each["name"].rpartition("/")[2], each["status"]) for each in answer["files"]] == [
        (US, "REJECTED"), (EU, "RECEIVED"), (EU, "SUPERSEDED"),
    ]  # fmt: skip
    assert len(json.loads(answer_to(headgate, "files", "list", "--date", TODAY, "--json", code=0))["files"]) == 3
    said = answer_to(headgate, "files", "list", "--status", "REJECTED", code=0)
    assert f"{US}: smaller than 1 byte" in said
    assert answer_to(headgate, "files", "unmatched", code=0) == "Every file is of a product.\n"
    land(world, ["else.csv"], NOW)
    assert "else.csv" in answer_to(headgate, "files", "unmatched", code=0)


def test_one_file_is_shown_with_its_history(world: World, headgate: Headgate) -> None:
    (old,) = world.sql("SELECT file_id FROM landing_file WHERE status = 'SUPERSEDED'")[0]
    said = answer_to(headgate, "files", "show", str(old), code=0)
    assert f"a file of raw/positions for {TODAY}; 12.1 MB, put at 06:00" in said
    assert said.index("RECEIVED by files") < said.index("SUPERSEDED by files: a newer version came")
    assert f"Other versions: {number(world, EU)} (RECEIVED)" in said
    with pytest.raises(UnknownFile, match="no file has the number 99999; `headgate files list` has them"):
        headgate("files", "show", "99999")


def test_a_rejected_file_that_is_retried_counts(world: World, headgate: Headgate) -> None:
    land(world, [AP], NOW)
    said = answer_to(headgate, "files", "retry", str(number(world, US)), "--reason", "empty on holidays", code=0)
    assert said == "1 file counts again; 1 run released.\n"
    assert "RECEIVED by ann: empty on holidays" in answer_to(headgate, "files", "show", str(number(world, US)), code=0)


def test_an_ignored_file_counts_no_more(world: World, headgate: Headgate) -> None:
    assert answer_to(headgate, "files", "ignore", str(number(world, EU)), code=0) == "1 file is ignored.\n"
    land(world, [US], NOW, version="2")
    assert land(world, [AP], NOW)["released"] == 0
    assert (
        answer_to(headgate, "files", "retry", str(number(world, EU)), code=0)
        == "1 file counts again; 1 run released.\n"
    )


def test_what_cannot_be_done_is_refused_with_all_of_it(world: World, headgate: Headgate) -> None:
    old = number(world, EU) - 1
    with pytest.raises(
        IllegalTransition,
        match=f"a newer version of file {old} has come; no file has the number 99999; .* can be ignored",
    ):
        headgate("files", "ignore", str(old), str(number(world, US)), "99999")
    assert world.sql("SELECT count(*) FROM landing_file WHERE status = 'IGNORED'") == [(0,)]
    with pytest.raises(IllegalTransition, match="can be retried"):
        headgate("files", "retry", str(number(world, EU)))


def test_a_run_goes_on_with_what_is_there_if_an_operator_says_so(world: World, headgate: Headgate) -> None:
    assert (
        "To run with what is there: `headgate waive raw/positions raw/positions --date 2026-11-20 --reason TEXT`"
        in answer_to(headgate, "why", "raw/positions", "--date", TODAY)
    )
    said = answer_to(headgate, "waive", "raw/positions", "raw/positions", "--date", TODAY, "--reason", "AP is closed")
    assert "goes on without waiting for the rest of its files" in said
    assert world.run("raw/positions", TODAY)["release_reason"] == "the rest of the files of raw/positions was waived"
    assert "Waived: files of raw/positions for 2026-11-20 counts as arrived, by ann" in answer_to(
        headgate, "why", "raw/positions"
    )


def test_the_failure_at_a_deadline_names_the_files(world: World) -> None:
    run = world.run("raw/positions", TODAY)["run_id"]
    decided = world.state.resolve_deadline(run, 1, "fail", NOW)
    expected = "Missing: files of raw/positions for 2026-11-20 (1 file there, 1 rejected, US and AP missing)"
    assert expected in str(missed_deadlines.failure(world.state, run, decided))
