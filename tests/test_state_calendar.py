"""Clocks that change, years that end, and a scheduler that was away: each opening is made once, or it is said that it was not."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.state_world import World, at, daily, product

NEW_YORK = "America/New_York"
BANKS = {"us-banking": {"weekend": [6, 7], "dates": ["2026-12-25", "2027-01-01"]}}


def opened_by(
    world: World, schedule: dict[str, Any], first: str, hours: int, minutes: int = 30
) -> list[tuple[str, str, str]]:
    """The runs that the scheduler opens when it looks every so many minutes: business date, cycle and the moment."""
    world.load({"d/x": product(schedule=schedule)}, at(first), BANKS)
    for minute in range(minutes, hours * 60 + 1, minutes):
        found = world.state.open_due_runs(at(first) + timedelta(minutes=minute), "scheduler")
        assert (found.failed, found.passed_over) == ([], [])
    rows = world.sql(
        "SELECT business_date, cycle, opened_at AT TIME ZONE 'UTC' FROM data_product_status ORDER BY opened_at, cycle"
    )
    return [(str(date), cycle, f"{moment:%Y-%m-%d %H:%M}") for date, cycle, moment in rows]


def test_an_opening_in_the_hour_that_is_left_out_is_made_once(world: World) -> None:
    """On 8 March 2026 there is no 02:30 in New York; it is taken as 03:30. A cycle of 03:30 is one of its own."""
    found = opened_by(world, daily("02:30", "03:30", timezone=NEW_YORK), "2026-03-07 12:00", 48)
    assert found == [
        ("2026-03-08", "0230", "2026-03-08 07:30"),
        ("2026-03-08", "0330", "2026-03-08 07:30"),
        ("2026-03-09", "0230", "2026-03-09 06:30"),
        ("2026-03-09", "0330", "2026-03-09 07:30"),
    ]


def test_an_opening_in_the_hour_that_comes_twice_is_made_once(world: World) -> None:
    """01:30 of 1 November 2026 is at 05:30 and at 06:30 in UTC; PostgreSQL takes the second."""
    found = opened_by(world, daily("01:30", timezone=NEW_YORK), "2026-10-31 12:00", 48)
    assert found == [("2026-11-01", "", "2026-11-01 06:30"), ("2026-11-02", "", "2026-11-02 06:30")]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (
            daily("06:00", calendar="us-banking"),
            ["2026-12-24", "2026-12-28", "2026-12-29", "2026-12-30", "2026-12-31", "2027-01-04"],
        ),
        (
            daily("06:00", calendar="us-banking", date_offset=-1),
            ["2026-12-23", "2026-12-24", "2026-12-28", "2026-12-29", "2026-12-30", "2026-12-31"],
        ),
    ],
)
def test_the_year_ends(world: World, schedule: dict[str, Any], expected: list[str]) -> None:
    found = opened_by(world, schedule, "2026-12-24 00:00", 12 * 24, minutes=360)
    assert [date for date, _, _ in found] == expected


def five_days_away(world: World) -> Any:
    """d/x opens twice a day, d/y once; nobody opened anything from Friday the 20th to Wednesday the 25th, save one run by hand."""
    world.load(
        {"d/x": product(schedule=daily("06:00", "18:00"), name="x"), "d/y": product(name="y")}, at("2026-11-20 00:00")
    )
    world.state.open_due_runs(at("2026-11-20 00:10"), "scheduler")
    day = at("2026-11-21").date()
    world.state.backfill("d/y", day, day, False, "ann", at("2026-11-21 09:00"))
    return world.state.open_due_runs(at("2026-11-25 07:00"), "scheduler")


def test_a_scheduler_that_was_away_for_days_says_what_it_did_not_open(world: World) -> None:
    found = five_days_away(world)
    assert found.passed_over == [
        {"product": "d/x", "count": 5, "first": "2026-11-20", "last": "2026-11-22"},
        {"product": "d/y", "count": 2, "first": "2026-11-20", "last": "2026-11-22"},
    ]
    assert (found.due, found.opened) == (6 + 3, 9)
    assert world.state.open_due_runs(at("2026-11-25 07:05"), "scheduler").passed_over == [], "it is said once"


def listed(world: World, now: str = "2026-11-25 08:00") -> dict[str, Any]:
    rows = [json.loads(each.entry) for each in world.state.products_with_errors("", 50, at(now))]
    return {each["product"]: each["passed_over"]["count"] for each in rows}


def test_health_lists_what_was_passed_over_until_it_is_opened(world: World) -> None:
    five_days_away(world)
    assert listed(world) == {"d/x": 5, "d/y": 2}
    world.state.backfill("d/x", at("2026-11-20").date(), at("2026-11-21").date(), False, "ann", at("2026-11-25 09:00"))
    assert listed(world) == {"d/x": 1, "d/y": 2}
    assert listed(world, "2026-12-26 00:00") == {}, "nobody wants it any more"


def test_a_product_that_is_new_has_passed_over_nothing(world: World) -> None:
    world.load({"d/x": product()}, at("2026-11-20 00:00"))
    world.load({"d/x": product(), "d/y": product(name="y")}, at("2026-11-25 00:00"))
    found = world.state.open_due_runs(at("2026-11-25 07:00"), "scheduler")
    assert [each["product"] for each in found.passed_over] == ["d/x"]
