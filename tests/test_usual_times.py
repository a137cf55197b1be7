"""How long products usually take and when they are usually ready, as the state learns it from ends of runs and from refreshes."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.state_steps import uuid
from tests.state_world import World, at, external, product

FIRST = date(2026, 11, 2)  # a Monday


def usual(world: World, name: str, kind: str) -> dict[str, Any]:
    rows = world.sql(
        "SELECT cycle, last_date::text, seconds, weekdays, shifts, ranked FROM usual_time WHERE product_id = %s AND kind = %s",
        name,
        kind,
    )
    assert len(rows) == 1, rows
    return dict(zip(("cycle", "last_date", "seconds", "weekdays", "shifts", "ranked"), rows[0], strict=True))


def kept(world: World) -> set[tuple[str, str]]:
    return set(world.sql("SELECT product_id, kind FROM usual_time"))


def complete(world: World, run: UUID, attempt: int, begun: datetime, took: timedelta) -> None:
    world.state.begin_pipeline(run, attempt, "arn", begun)
    world.state.finish_attempt(run, attempt, "COMPLETED", None, None, begun + took)


@pytest.fixture
def mesh(world: World) -> World:
    world.load({"raw/a": external(), "d/x": product("raw/a", None, name="x")}, at("2026-11-01 00:00"))
    return world


def test_a_run_that_completes_leaves_how_long_it_took_and_when_it_was_ready(mesh: World) -> None:
    mesh.event("raw/a", "2026-11-20", at("2026-11-20 07:00"))
    complete(mesh, uuid(mesh, "d/x"), 1, at("2026-11-20 07:01"), timedelta(minutes=24))
    assert usual(mesh, "d/x", "work")["seconds"] == [25 * 60]  # from its release
    assert usual(mesh, "d/x", "ready")["seconds"] == [(7 * 60 + 25) * 60]
    assert usual(mesh, "raw/a", "ready")["seconds"] == [7 * 3600]
    assert kept(mesh) == {("d/x", "work"), ("d/x", "ready"), ("raw/a", "ready")}


def test_what_fails_and_what_is_done_again_says_nothing_of_the_usual_day(mesh: World) -> None:
    mesh.event("raw/a", "2026-11-20", at("2026-11-20 07:00"))
    run = uuid(mesh, "d/x")
    mesh.state.begin_pipeline(run, 1, "arn", at("2026-11-20 07:00"))
    mesh.state.finish_attempt(run, 1, "ERROR", "JobFailed", None, at("2026-11-20 07:05"))
    assert kept(mesh) == {("raw/a", "ready")}
    for attempt, begun in ((2, at("2026-11-20 09:00")), (3, at("2026-11-21 09:00"))):
        mesh.state.rerun("d/x", FIRST.replace(day=20), "", False, "rerun", "ann", begun)
        complete(mesh, run, attempt, begun, timedelta(minutes=10))
    assert usual(mesh, "d/x", "work")["seconds"] == [600]
    mesh.event("raw/a", "2026-11-20", at("2026-11-22 07:00"), event_key="once more")
    mesh.event("raw/a", "2026-11-10", at("2026-11-22 08:00"))  # a backfill
    assert usual(mesh, "raw/a", "ready")["seconds"] == [7 * 3600]
    mesh.event("raw/a", "2027-11-20", at("2026-11-22 09:00"))  # a date that somebody mistyped
    mesh.event("raw/a", "2026-11-21", at("2026-11-21 07:10"))
    assert usual(mesh, "raw/a", "ready")["last_date"] == "2026-11-21"


def test_ninety_dates_are_kept(mesh: World) -> None:
    for day in range(100):
        mesh.event("raw/a", str(FIRST + timedelta(day)), at("2026-11-02 07:00") + timedelta(day, minutes=day))
    found = usual(mesh, "raw/a", "ready")
    assert found["seconds"] == [7 * 3600 + 60 * day for day in range(10, 100)]
    assert [len(found["weekdays"]), len(found["ranked"])] == [90, 90]
    assert found["weekdays"][-1] == (FIRST + timedelta(99)).isoweekday()


def learned(world: World, seconds: list[float]) -> dict[str, Any]:
    """What is known of a product that took these seconds on dates in a row from a Monday on."""
    given = [
        {"product_id": "raw/a", "kind": "ready", "cycle": "", "on_date": str(FIRST + timedelta(n)), "seconds": each}
        for n, each in enumerate(seconds)
    ]
    world.state.database.call("learn_times", given, at("2027-11-02 00:00"))
    return usual(world, "raw/a", "ready")


def test_a_weekday_of_its_own_is_told_from_chance(mesh: World) -> None:
    """Eight weeks about 1,000 s, with Saturdays of 4,000: these stand out, and what is left of the others is small."""
    found = learned(mesh, [(4000 if day % 7 == 5 else 1000) + (day * 37) % 100 for day in range(56)])
    assert 2900 < found["shifts"][5] < 3100
    assert all(abs(shift) < 40 for place, shift in enumerate(found["shifts"]) if place != 5)
    assert found["ranked"] == sorted(found["ranked"])
    assert found["ranked"][-1] < 1200


def test_two_of_a_weekday_are_not_yet_a_habit(mesh: World) -> None:
    found = learned(mesh, [1000, 1400, 900, 1200, 1100, 4000, 800, 1300, 1000, 1000, 1100, 1200, 4000, 900])
    assert found["shifts"] == [0] * 7
    assert found["ranked"] == sorted(found["seconds"])


def test_times_are_by_the_clock_of_the_products_schedule(world: World) -> None:
    """The day on which the clock changes begins an hour earlier in UTC, and the time of its clock is the same."""
    berlin = {**product(None, "06:00")["schedule"], "timezone": "Europe/Berlin"}
    world.load({"raw/a": {**external(), "schedule": berlin}}, at("2026-10-01 00:00"))
    world.event("raw/a", "2026-10-23", at("2026-10-23 05:00"))
    world.event("raw/a", "2026-10-26", at("2026-10-26 06:00"))
    assert usual(world, "raw/a", "ready")["seconds"] == [7 * 3600, 7 * 3600]


def test_what_nobody_here_knows_is_not_kept(mesh: World) -> None:
    mesh.event("raw/unknown", "2026-11-20", at("2026-11-20 07:00"))
    assert kept(mesh) == set()
