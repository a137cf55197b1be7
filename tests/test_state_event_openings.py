"""Products without a schedule: the first event that counts opens the run, and none is opened that can only fail."""

from typing import Any

from tests.state_steps import DAY, LOADED, TODAY, effects, opened
from tests.state_world import World, at, daily, external, leaf, product

RAW = {name: external() for name in ("raw/a", "raw/b", "raw/c")}
TOMORROW = "2026-11-21"


def by_events(
    world: World, *members: dict[str, Any], operator: str = "all_of", also: dict[str, Any] | None = None
) -> None:
    world.load({**RAW, **(also or {}), "d/x": product({operator: list(members)}, schedule=None)}, LOADED)


def runs(world: World) -> list[str]:
    return [
        date
        for (date,) in world.sql(
            "SELECT business_date::text FROM data_product_status WHERE product_id = 'd/x' ORDER BY 1"
        )
    ]


def test_the_refresh_of_the_day_before_opens_no_run_a_day_early(world: World) -> None:
    by_events(world, leaf("raw/a"), leaf("raw/b", offset=-1))
    world.event("raw/b", TODAY, at(f"{TODAY} 06:00"))
    assert runs(world) == []
    world.event("raw/a", TOMORROW, at(f"{TOMORROW} 06:00"))
    assert runs(world) == [TOMORROW]
    assert world.released() == {("d/x", TOMORROW)}, "what came before the run was opened has arrived"


def test_a_run_is_opened_by_what_is_enough_for_it(world: World) -> None:
    by_events(world, leaf("raw/a"), leaf("raw/b", offset=-1), operator="any_of")
    world.event("raw/b", TODAY, at(f"{TODAY} 06:00"))
    assert world.released() == {("d/x", TOMORROW)}


def test_a_product_that_needs_only_the_day_before_is_opened_by_it(world: World) -> None:
    by_events(world, leaf("raw/a", offset=-1), leaf("raw/b", offset=-1))
    world.event("raw/b", TODAY, at(f"{TODAY} 06:00"))
    assert runs(world) == [TOMORROW]


def test_a_slower_upstream_opens_nothing_by_itself(world: World) -> None:
    """Its refresh has a business date on which the others may never come."""
    by_events(world, leaf("raw/a"), leaf("raw/c", max_age=7 * 86400))
    world.event("raw/c", "2026-11-15", at("2026-11-16 06:00"))
    assert runs(world) == []
    world.event("raw/a", TODAY, at(f"{TODAY} 06:00"))
    assert world.released() == {("d/x", TODAY)}


def test_a_slower_upstream_that_comes_last_opens_the_run_of_its_date(world: World) -> None:
    by_events(world, leaf("raw/b", max_age=86400), leaf("raw/c", max_age=7 * 86400))
    world.event("raw/b", TODAY, at(f"{TODAY} 05:00"))
    assert runs(world) == [TODAY]
    world.event("raw/c", TODAY, at(f"{TODAY} 06:00"))
    assert world.released() == {("d/x", TODAY)}


def test_an_event_that_is_too_old_opens_nothing(world: World) -> None:
    by_events(world, leaf("raw/c", max_age=86400))
    world.event("raw/c", "2026-11-10", at(f"{TODAY} 06:00"), refreshed_at="2026-11-10T06:00:00+00:00")
    assert runs(world) == []


def test_an_earlier_cycle_than_the_one_needed_opens_nothing(world: World) -> None:
    upstream = {"d/i": product(schedule=daily("06:00", "12:00", "18:00"), name="i")}
    by_events(world, leaf("d/i"), also=upstream)
    opened(world, f"{TODAY} 18:00")
    world.event("d/i", TODAY, at(f"{TODAY} 06:30"), cycle="0600")
    assert runs(world) == []
    world.event("d/i", TODAY, at(f"{TODAY} 18:30"), cycle="1800")
    assert ("d/x", TODAY) in world.released()

    by_events(world, leaf("d/i", cycle="every"), also=upstream)
    world.event("d/i", TOMORROW, at(f"{TOMORROW} 06:30"), cycle="0600")
    assert runs(world) == [TODAY, TOMORROW], "every cycle is needed, and this is the first"


def test_a_clock_that_is_ahead_makes_no_refresh_younger(world: World) -> None:
    world.load({**RAW, "d/x": product({"all_of": [leaf("raw/c", max_age=7 * 86400)]})}, LOADED)
    world.event("raw/c", "2026-11-01", at("2026-11-02 06:00"), refreshed_at="2099-01-01T00:00:00+00:00")
    opened(world)
    assert world.released() == set(), "it was received 18 days ago"
    world.event("raw/c", TODAY, at(f"{TODAY} 06:10"), refreshed_at=f"{TODAY}T06:40:00+00:00")
    assert world.released() == {("d/x", TODAY)}, "a clock may differ by minutes"
    assert effects(world, "start_execution")
    assert world.run("d/x", TODAY)["business_date"] == DAY
