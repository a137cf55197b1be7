"""The question `runs` and `headgate runs`: the runs of a product over many dates, what each took and what let it go."""

from datetime import date
from typing import Any

import pytest

import inquire
import runtime
from state.errors import UnknownProduct
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.state_steps import DAY, TODAY, complete, opened
from tests.state_world import World, at, external, product


@pytest.fixture
def days(world: World, aws: FakeAws, running: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """d/x had a run on each of three days; today's failed once, was run again, and waits for raw/b no more; it is due at 8:00."""
    world.load(
        {
            "raw/a": external(),
            "raw/b": external(),
            "d/x": product(["raw/a", "raw/b"], name="x", sla={"complete_by": "08:00"}),
        },
        at("2026-11-18 00:00"),
    )
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 12:00"))
    for day in ("2026-11-18", "2026-11-19", TODAY):
        opened(world, f"{day} 06:00")
        world.event("raw/a", day, at(f"{day} 06:10"), account="111122223333", attempt=2)
    world.event("raw/b", "2026-11-19", at("2026-11-19 07:30"))
    world.state.waive_input("d/x", DAY, "", "raw/b", "not needed", False, "ann", at("2026-11-20 06:30"))
    complete(world, "d/x", status="ERROR", now="2026-11-20 07:00")
    world.state.rerun("d/x", DAY, "", False, "rerun", "bob", at("2026-11-20 07:10"))
    complete(world, "d/x", attempt=2, now="2026-11-20 08:10")
    return world


def asked(**question: Any) -> dict[str, Any]:
    return inquire.handler({"question": "runs", "product": "d/x", **question}, None)


def test_each_run_says_how_long_it_took_and_what_released_it(days: World) -> None:
    first, second, third = asked(last=10)["runs"]

    assert ("released_at" in first, "released_by" in first) == (False, False), "it still waits for raw/b"
    assert (second["released_by"]["upstream"], second["released_by"]["at"], second["wait_seconds"]) == (
        "raw/b",
        "2026-11-19T07:30:00+00:00",
        5400,
    )
    assert (third["attempt"], third["status"], third["late"]) == (2, "COMPLETED", True)
    assert (third["opened_at"], third["finished_at"]) == ("2026-11-20T07:10:00+00:00", "2026-11-20T08:10:00+00:00")
    (before,) = third["attempts"]
    assert (before["attempt"], before["status"], before["opened_at"], before["finished_at"]) == (
        1, "ERROR", "2026-11-20T06:00:00+00:00", "2026-11-20T07:00:00+00:00",
    )  # fmt: skip
    assert (before["released_by"]["upstream"], before["released_by"]["waived_by"]) == ("raw/b", "ann")


def test_the_last_arrival_has_its_account_and_attempt(days: World) -> None:
    days.state.waive_input("d/x", date(2026, 11, 18), "", "raw/b", "not needed", False, "ann", at("2026-11-18 06:05"))
    days.event("raw/b", "2026-11-21", at("2026-11-21 06:05"))
    opened(days, "2026-11-21 06:00")
    days.event("raw/a", "2026-11-21", at("2026-11-21 06:20"), account="111122223333", attempt=2)
    by = asked(last=1)["runs"][0]["released_by"]
    assert by == {
        "upstream": "raw/a", "at": "2026-11-21T06:20:00+00:00", "business_date": "2026-11-21", "account": "111122223333", "attempt": 2,
        "status": "COMPLETED", "refreshed_at": "2026-11-21T06:20:00+00:00",
    }  # fmt: skip


def test_the_latest_runs_and_those_of_a_range(days: World, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = asked(last=10)
    assert (everything["business_date"], everything["until"], everything["more"]) == ("2026-11-18", TODAY, False)
    latest = asked(last=2)
    assert ([each["business_date"] for each in latest["runs"]], latest["more"]) == (["2026-11-19", TODAY], True)
    assert asked(last=2, until="2026-11-19")["runs"] == everything["runs"][:2]
    assert asked(business_date="2026-11-18", until="2026-11-19")["runs"] == everything["runs"][:2]
    monkeypatch.setattr(inquire, "PAGE", 1)
    assert asked(last=2) == latest
    assert asked(business_date="2026-11-18", until=TODAY)["runs"] == everything["runs"]
    monkeypatch.setattr(inquire, "MOST", 1)
    cut = asked(business_date="2026-11-18", until=TODAY)
    assert ([each["business_date"] for each in cut["runs"]], cut["more"]) == ([TODAY], True), "the latest"


def test_a_product_that_nobody_knows_has_none(days: World) -> None:
    with pytest.raises(UnknownProduct):
        inquire.handler({"question": "runs", "product": "d/nothing", "last": 3}, None)


def test_a_command_lists_them(days: World, headgate: Headgate) -> None:
    code, printed = headgate("runs", "d/x")
    assert (code, printed) == (
        0,
        """\
run         status          attempt  opened  waited  ran  ended  released by
2026-11-20  COMPLETED late  2        07:10   0 s     0 s  08:10  raw/b at 06:30, waived by ann
            ERROR           1        06:00   30 min       07:00  raw/b at 06:30, waived by ann
2026-11-19  WAITING late    1        06:00   90 min              raw/b at 07:30
2026-11-18  WAITING late    1        06:00
""",
    )
    code, printed = headgate("runs", "d/x", "--last", "1")
    assert printed.splitlines()[-1] == "There are earlier runs; --last or --date shows them."
    assert headgate("runs", "d/x", "--last", "500")[0] == 2
    assert headgate("runs", "d/x", "--last", "5", "--date", TODAY)[0] == 2
