"""A schedule that changes loses no run of the day and opens none twice, and nobody waits for a cycle that does not come."""

from typing import Any

from tests.state_steps import DAY, LOADED, TODAY, complete, opened, uuid
from tests.state_world import World, at, daily, external, leaf, product
from tests.test_state_conditions import inputs


def runs(world: World, name: str = "d/i") -> list[tuple[str, str]]:
    query = "SELECT business_date::text, cycle FROM data_product_status WHERE product_id = %s ORDER BY 1, 2"
    return world.sql(query, name)


def scheduled(world: World, now: str, *times: str, **more: Any) -> dict[str, Any]:
    return world.load({"d/i": product(schedule=daily(*times, **more))}, at(f"{TODAY} {now}"))


def test_a_run_is_opened_at_once_when_its_opening_is_moved_into_the_past(world: World) -> None:
    scheduled(world, "00:00", "09:00")
    opened(world, f"{TODAY} 07:59")
    loaded = scheduled(world, "08:00", "06:00")

    assert (loaded["opened"], runs(world)) == (1, [(TODAY, "")])
    assert opened(world, f"{TODAY} 23:00")["opened"] == 0
    assert opened(world, "2026-11-21 06:00")["opened"] == 1


def test_an_opening_that_is_moved_later_is_not_made_twice(world: World) -> None:
    scheduled(world, "00:00", "06:00")
    opened(world)
    scheduled(world, "08:00", "09:00")
    assert opened(world, f"{TODAY} 09:00") == {"due": 1, "opened": 0}
    assert runs(world) == [(TODAY, "")]


def test_the_first_of_several_openings_takes_the_place_of_the_only_one(world: World) -> None:
    """It was made before the change; the others of the day are still to come. A second change of that day forgets nothing."""
    scheduled(world, "00:00", "06:00")
    opened(world)
    scheduled(world, "06:30", "07:00", "15:00")
    scheduled(world, "06:40", "07:30", "15:00")
    opened(world, f"{TODAY} 12:00")
    assert runs(world) == [(TODAY, "")]
    opened(world, f"{TODAY} 15:00")
    assert runs(world) == [(TODAY, ""), (TODAY, "1500")]
    opened(world, "2026-11-21 15:00")
    assert runs(world)[2:] == [("2026-11-21", "0730"), ("2026-11-21", "1500")]


def test_openings_of_a_day_are_moved_each_by_itself(world: World) -> None:
    scheduled(world, "00:00", "06:00", "14:00", "20:00")
    opened(world, f"{TODAY} 07:00")
    scheduled(world, "08:00", "09:00", "13:00", "20:00")  # 06:00 was made and is 09:00 now; 14:00 becomes 13:00
    opened(world, f"{TODAY} 13:30")
    assert runs(world) == [(TODAY, "0600"), (TODAY, "1300")]
    scheduled(world, "13:40", "09:00", "20:00")  # one that is removed takes the place of none
    opened(world, f"{TODAY} 23:00")
    assert runs(world) == [(TODAY, "0600"), (TODAY, "1300"), (TODAY, "2000")]


def test_one_opening_instead_of_several_is_not_made_after_one_of_them(world: World) -> None:
    scheduled(world, "00:00", "07:00", "15:00")
    opened(world, f"{TODAY} 07:00")
    scheduled(world, "08:00", "09:00")
    assert opened(world, f"{TODAY} 09:00") == {"due": 0, "opened": 0}
    opened(world, "2026-11-21 09:00")
    assert runs(world) == [(TODAY, "0700"), ("2026-11-21", "")]


def test_a_change_of_the_zone_or_the_offset_loses_no_date(world: World) -> None:
    """20:00 in Chicago is 02:00 of the next day in UTC; and a date that a smaller offset would have opened yesterday is opened now."""
    scheduled(world, "00:00", "20:00", timezone="America/Chicago")
    opened(world, "2026-11-21 01:00")
    assert runs(world) == [("2026-11-19", "")]
    world.load({"d/i": product(schedule=daily("20:00"))}, at("2026-11-21 01:30"))
    assert runs(world)[1:] == [(TODAY, "")]

    world.load({"d/o": product(schedule=daily("06:00", date_offset=-1))}, at("2026-11-21 02:00"))
    opened(world, "2026-11-21 06:00")
    world.load({"d/o": product(schedule=daily("06:00"))}, at("2026-11-22 05:00"))
    opened(world, "2026-11-22 06:00")
    assert runs(world, "d/o") == [(TODAY, ""), ("2026-11-21", ""), ("2026-11-22", "")]


def test_a_schedule_that_is_new_or_more_frequent_opens_nothing_of_the_past(world: World) -> None:
    weekly = {**daily("06:00"), "fires": {**daily("06:00")["fires"], "month_days": [], "week_days": [2]}}
    world.load({"d/i": product(schedule=weekly)}, at(f"{TODAY} 05:00"))
    opened(world, f"{TODAY} 07:59")
    assert scheduled(world, "08:00", "06:00")["opened"] == 0
    opened(world, f"{TODAY} 08:29")
    assert scheduled(world, "08:30", "06:30")["opened"] == 0, "today's opening was before the product came"


def intraday(condition: list[dict[str, Any]], *times: str) -> dict[str, Any]:
    consumers = {f"d/{each['cycle']}": product({"all_of": [each]}, name=each["cycle"]) for each in condition}
    return {"d/i": product(schedule=daily(*times), name="i"), "raw/a": external(), **consumers}


LEAVES = [leaf("d/i", cycle=cycle) for cycle in ("last", "every", "any")]


def needed(world: World, date: str = TODAY) -> dict[str, list[str]]:
    return {name: [cycle for _, _, cycle, _ in inputs(world, f"d/{name}", date)] for name in ("last", "every", "any")}


def test_waiting_runs_follow_the_cycles_of_their_upstream(world: World) -> None:
    """Only its metadata changed. What was opened before the change goes on, so it is waited for; what does not come is not."""
    world.load(intraday(LEAVES, "07:00", "15:00"), LOADED)
    opened(world, f"{TODAY} 07:00")
    assert needed(world) == {"last": ["1500"], "every": ["0700", "1500"], "any": ["*"]}
    loaded = world.load(intraday(LEAVES, "08:00", "16:00"), at(f"{TODAY} 07:30"))

    assert loaded["conditions"] == 2
    assert needed(world) == {"last": ["1600"], "every": ["0700", "1600"], "any": ["*"]}
    opened(world, f"{TODAY} 16:00")
    assert runs(world) == [(TODAY, "0700"), (TODAY, "1600")]
    world.event("d/i", TODAY, at(f"{TODAY} 16:30"), cycle="1600")
    assert {name for name, _ in world.released()} >= {"d/last", "d/any"}
    opened(world, "2026-11-21 16:00")
    assert needed(world, "2026-11-21") == {"last": ["1600"], "every": ["0800", "1600"], "any": ["*"]}


def test_a_day_that_has_become_shorter_ends_with_its_last_run(world: World) -> None:
    """Not with the first refresh of any cycle, while a run of a former cycle is open."""
    world.load(intraday(LEAVES, "07:00", "15:00"), LOADED)
    opened(world, f"{TODAY} 15:00")
    world.event("d/i", TODAY, at(f"{TODAY} 15:10"), cycle="0700")
    world.load(intraday(LEAVES, "06:00"), at(f"{TODAY} 15:30"))

    assert needed(world) == {"last": ["1500"], "every": ["0700", "1500"], "any": ["*"]}
    assert ("d/last", TODAY) not in world.released()


def test_the_only_run_of_a_day_is_what_its_consumers_wait_for(world: World) -> None:
    world.load(intraday(LEAVES, "06:00"), LOADED)
    opened(world)
    world.load(intraday(LEAVES, "05:00", "05:30"), at(f"{TODAY} 06:30"))
    assert opened(world, f"{TODAY} 23:00")["opened"] == 0
    assert needed(world) == {"last": ["*"], "every": ["*"], "any": ["*"]}


def test_a_rerun_of_an_older_date_waits_for_the_cycles_of_that_date(world: World) -> None:
    world.load(intraday(LEAVES, "07:00", "15:00"), LOADED)
    opened(world, f"{TODAY} 15:00")
    for cycle in ("0700", "1500"):
        world.event("d/i", TODAY, at(f"{TODAY} 16:00"), cycle=cycle)
    complete(world, "d/every")
    opened(world, f"{TODAY} 23:00")
    world.load(intraday(LEAVES, "08:00", "12:00", "16:00"), at("2026-11-21 00:00"))
    world.state.rerun("d/every", DAY, "", False, "rerun", "ann", at("2026-11-25 10:00"))
    assert inputs(world, "d/every") == [("d/i", TODAY, "0700", "ARRIVED"), ("d/i", TODAY, "1500", "ARRIVED")]
    assert world.run("d/every", TODAY)["released_at"] is not None


def test_runs_of_former_cycles_go_on(world: World) -> None:
    scheduled(world, "00:00", "07:00", "15:00")
    opened(world, f"{TODAY} 07:00")
    scheduled(world, "08:00", "09:00", "15:00")
    run = uuid(world, "d/i", TODAY, "0700")
    assert world.state.begin_pipeline(run, 1, None, at(f"{TODAY} 08:01")) != {}


def test_a_day_that_a_schedule_or_an_event_has_opened_is_not_opened_by_the_other(world: World) -> None:
    raw = {"raw/a": external()}
    by_events, by_schedule = product("raw/a", schedule=None), product("raw/a", schedule=daily("07:00", "15:00"))
    world.load({**raw, "d/i": by_events}, LOADED)
    world.event("raw/a", TODAY, at(f"{TODAY} 05:00"))
    world.load({**raw, "d/i": by_schedule}, at(f"{TODAY} 06:00"))
    opened(world, "2026-11-21 07:00")
    assert runs(world) == [(TODAY, ""), (TODAY, "1500"), ("2026-11-21", "0700")], (
        "the first of the day was opened by the event"
    )

    world.load({**raw, "d/i": by_events}, at("2026-11-23 08:00"))
    world.event("raw/a", "2026-11-21", at("2026-11-23 08:10"))
    world.event("raw/a", "2026-11-23", at("2026-11-23 08:10"))
    assert runs(world)[2:] == [("2026-11-21", "0700"), ("2026-11-23", "")]
