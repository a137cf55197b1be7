"""Metadata changes while runs are open: a run has the condition that it was opened with, or the new one as a whole."""

import json
from typing import Any

import pytest

from state.errors import NoPipeline
from tests.state_steps import ARN, DAY, LOADED, SIX, TODAY, complete, effects, opened, uuid, wait
from tests.state_world import World, at, daily, external, leaf, product

SEVEN = at("2026-11-20 07:00")
RAW = {name: external() for name in ("raw/a", "raw/b", "raw/c")}


def inputs(world: World, name: str, date: str = TODAY) -> list[tuple[Any, ...]]:
    """[(upstream, date, cycle, status)] of the run."""
    query = (
        "SELECT upstream, required_date::text, d.cycle, d.status FROM data_product_dependencies_events_status d JOIN data_product_status r"
        " USING (run_id) WHERE product_id = %s AND business_date = %s ORDER BY leaf, d.cycle"
    )
    return world.sql(query, name, date)


def history_of(world: World, name: str) -> list[tuple[str, str | None]]:
    """The kinds of the history's entries, with the upstream that an entry names."""
    rows = world.state.history_page(name, DAY, DAY, "", 100, False)
    return [(entry["kind"], entry.get("upstream")) for entry in (json.loads(row.entry) for row in rows)]


def test_an_input_that_is_removed_is_not_confused_with_one_that_stays(world: World) -> None:
    world.load({**RAW, "d/x": product(["raw/a", "raw/b"])}, LOADED)
    opened(world)
    wait(world, "d/x")
    world.load({**RAW, "d/x": product("raw/b")}, SIX)

    world.event("raw/a", TODAY, SEVEN)
    assert world.released() == set(), "nobody waits for raw/a any more"
    world.event("raw/b", TODAY, SEVEN)
    assert world.released() == {("d/x", TODAY)}
    assert inputs(world, "d/x") == [("raw/b", TODAY, "*", "ARRIVED")]


def test_an_input_that_is_added_is_waited_for_by_open_runs(world: World) -> None:
    world.load({**RAW, "d/x": product("raw/a")}, LOADED)
    opened(world)
    assert world.load({**RAW, "d/x": product(["raw/c", "raw/a"])}, SIX)["conditions"] == 1
    assert inputs(world, "d/x") == [("raw/c", TODAY, "*", "WAITING"), ("raw/a", TODAY, "*", "WAITING")]
    world.event("raw/a", TODAY, SEVEN)
    assert world.released() == set()
    world.event("raw/c", TODAY, SEVEN)
    assert world.released() == {("d/x", TODAY)}


def test_what_had_arrived_has_arrived_under_the_new_condition(world: World) -> None:
    """Under its new number; and an input that is new counts at once if the inbox has it."""
    world.load({**RAW, "d/x": product(["raw/a", "raw/b"])}, LOADED)
    opened(world)
    wait(world, "d/x")
    world.event("raw/b", TODAY, SIX)
    world.event("raw/c", TODAY, SIX)
    before = world.sql(
        "SELECT arrived_at, event_key FROM data_product_dependencies_events_status WHERE upstream = 'raw/b'"
    )
    world.load({**RAW, "d/x": product(["raw/c", "raw/b"])}, SEVEN)

    assert world.released() == {("d/x", TODAY)}, "in the transaction of the load"
    assert world.run("d/x", TODAY)["release_reason"] == "the new condition holds"
    assert len(effects(world, "task_success")) == 1
    after = world.sql(
        "SELECT arrived_at, event_key FROM data_product_dependencies_events_status WHERE upstream = 'raw/b'"
    )
    assert before == after
    assert history_of(world, "d/x")[-5:] == [
        ("condition changed", None), ("input removed", "raw/a"), ("input added", "raw/c"), ("arrived", "raw/c"), ("run", None),
    ]  # fmt: skip


def test_a_changed_operator_is_a_changed_condition(world: World) -> None:
    world.load({**RAW, "d/x": product(["raw/a", "raw/b"])}, LOADED)
    opened(world)
    world.event("raw/b", TODAY, SIX)
    world.load({**RAW, "d/x": product({"any_of": [leaf("raw/a"), leaf("raw/b")]})}, SEVEN)
    assert world.released() == {("d/x", TODAY)}


def test_a_change_of_anything_else_leaves_open_runs_alone(world: World) -> None:
    world.load({**RAW, "d/x": product(["raw/a", "raw/b"])}, LOADED)
    opened(world)
    before = world.sql("SELECT count(*) FROM data_product_status_history")
    assert world.load({**RAW, "d/x": product(["raw/a", "raw/b"], owner="others")}, SEVEN)["conditions"] == 0
    assert world.sql("SELECT count(*) FROM data_product_status_history") == before


def test_options_of_an_input_are_part_of_the_condition(world: World) -> None:
    """Dates follow a changed offset, statuses and ages are the new ones, and a calendar that changes moves dates as well."""
    world.load({**RAW, "d/x": product("raw/a"), "d/y": product({"all_of": [leaf("raw/b", max_age=3600)]})}, LOADED)
    opened(world)
    world.event("raw/b", "2026-11-18", at("2026-11-19 05:00"))
    world.load(
        {
            **RAW,
            "d/x": product({"all_of": [leaf("raw/a", offset=-1)]}),
            "d/y": product({"all_of": [leaf("raw/b", max_age=2 * 86400)]}),
        },
        SEVEN,
    )
    assert inputs(world, "d/x") == [("raw/a", "2026-11-19", "*", "WAITING")]
    assert world.released() == {("d/y", TODAY)}


def test_dates_follow_a_changed_calendar(world: World) -> None:
    weekend: dict[str, Any] = {"weekend": [6, 7], "dates": []}
    mesh = {**RAW, "d/x": product({"all_of": [leaf("raw/a", offset=-1)]}, schedule=daily("06:00", calendar="c"))}
    world.load(mesh, LOADED, {"c": weekend})
    opened(world)
    assert inputs(world, "d/x") == [("raw/a", "2026-11-19", "*", "WAITING")]
    world.load(mesh, SEVEN, {"c": {**weekend, "dates": ["2026-11-19"]}})
    assert inputs(world, "d/x") == [("raw/a", "2026-11-18", "*", "WAITING")]


def test_runs_that_were_released_keep_what_they_were_released_by(world: World) -> None:
    world.load({**RAW, "d/x": product("raw/a"), "d/y": product("raw/a")}, LOADED)
    opened(world)
    world.event("raw/a", TODAY, SIX)
    world.state.begin_pipeline(uuid(world, "d/y"), 1, None, SIX)
    loaded = world.load({**RAW, "d/x": product("raw/b"), "d/y": product("raw/b")}, SEVEN)

    assert loaded["conditions"] == 0
    for name in ("d/x", "d/y"):
        assert inputs(world, name) == [("raw/a", TODAY, "*", "ARRIVED")]
    assert world.released() == {("d/x", TODAY), ("d/y", TODAY)}


def test_a_rerun_takes_the_condition_of_today(world: World) -> None:
    """Also of an older date; an input that is new is waited for, and the deadline is the new one."""
    world.load({**RAW, "d/x": product("raw/a")}, LOADED)
    opened(world)
    world.event("raw/a", TODAY, SIX)
    complete(world, "d/x")
    world.load(
        {**RAW, "d/x": product(["raw/b", "raw/a"], wait={"deadline": 7200, "on_deadline": "fail"})},
        at("2026-11-21 00:00"),
    )
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", at("2026-11-22 10:00"))

    assert inputs(world, "d/x") == [("raw/b", TODAY, "*", "WAITING"), ("raw/a", TODAY, "*", "ARRIVED")]
    assert world.run("d/x", TODAY)["deadline_at"] == at("2026-11-22 12:00")
    world.event("raw/b", TODAY, at("2026-11-22 10:01"))
    assert world.run("d/x", TODAY)["released_at"] is not None


def test_a_rerun_accepts_refreshes_as_old_as_its_run_did(world: World) -> None:
    week = {"all_of": [leaf("raw/a", max_age=7 * 86400)]}
    world.load({**RAW, "d/x": product(week)}, LOADED)
    world.event("raw/a", "2026-11-16", at("2026-11-16 06:00"))
    opened(world)
    complete(world, "d/x")
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", at("2026-12-20 10:00"))
    assert world.run("d/x", TODAY)["released_at"] is not None
    complete(world, "d/x", attempt=2)
    world.load({**RAW, "d/x": product({"any_of": [leaf("raw/b"), *week["all_of"]]})}, at("2026-12-21 00:00"))
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", at("2026-12-21 10:00"))
    assert world.run("d/x", TODAY)["released_at"] is not None, "the age is counted from the first opening"


@pytest.mark.parametrize("now", ["removed", "external", "elsewhere"])
def test_runs_of_a_product_that_no_longer_runs_here_end_cancelled(world: World, now: str) -> None:
    """Those that wait; a pipeline that has begun goes on to its end."""
    names = ("d/x", "d/unstarted", "d/running")
    mesh = {**RAW, **{name: product("raw/a", name=name.split("/")[1]) for name in names}}
    world.load(mesh, LOADED)
    opened(world)
    wait(world, "d/x")
    world.state.set_hold("d/running", None, "", True, "ann", SIX)
    world.event("raw/c", TODAY, SIX)
    other = {"removed": {}, "external": external(), "elsewhere": {**external(), "runs_in": "account 222233334444"}}[now]
    world.sql("UPDATE data_product_status SET released_at = now() WHERE product_id = 'd/running'")
    world.state.begin_pipeline(uuid(world, "d/running"), 1, None, SIX)
    loaded = world.load({**RAW, **(dict.fromkeys(names, other) if other else {})}, SEVEN)

    assert loaded["cancelled"] == 2
    reason = {
        "removed": "d/x was removed from the catalog",
        "external": "d/x has no pipeline any more",
        "elsewhere": "d/x runs in account 222233334444 now",
    }[now]
    run = world.run("d/x", TODAY)
    assert (run["status"], run["error"], run["cause"], run["event"]) == ("CANCELLED", "NoPipeline", reason, "cancelled")
    assert world.run("d/unstarted", TODAY)["status"] == "CANCELLED"
    assert [each["name"] for each in effects(world, "start_execution")] == [f"running-{TODAY}-1"]
    assert effects(world, "stop_execution") == [{"execution_arn": ARN, "cause": reason}]
    world.event("raw/a", TODAY, SEVEN)
    assert world.run("d/x", TODAY)["released_at"] is None
    assert world.state.begin_pipeline(uuid(world, "d/running"), 1, None, SEVEN) != {}, "a lost answer is given again"
    complete(world, "d/running")
    assert world.run("d/running", TODAY)["status"] == "COMPLETED"


def test_what_no_longer_runs_here_is_not_started_again(world: World) -> None:
    names = ("d/x", "d/lost", "d/up")
    mesh = {**RAW, **{name: product(name=name.split("/")[1]) for name in names}}
    world.load(mesh, LOADED)
    opened(world)
    for name in names:
        complete(world, name, status="COMPLETED" if name == "d/x" else "ERROR") if name != "d/lost" else None
    world.state.begin_pipeline(uuid(world, "d/lost"), 1, None, SIX)
    world.load({**RAW, "d/up": mesh["d/up"]}, SEVEN)

    with pytest.raises(NoPipeline, match=r"^d/x was removed from the catalog, so its runs cannot be run again$"):
        world.state.rerun("d/x", DAY, "", False, "rerun", "ann", SEVEN)
    ended = world.state.end_lost_machine(
        uuid(world, "d/lost"), 1, "States.Runtime", "it broke", True, 2, "monitor", SEVEN
    )
    assert (ended.recorded, ended.restarted) == (True, False)
    run = world.run("d/lost", TODAY)
    assert (run["status"], run["cause"]) == (
        "ERROR",
        "it broke; not started again: d/lost was removed from the catalog",
    )


def test_a_product_that_comes_back_opens_and_reruns_as_before(world: World) -> None:
    mesh = {**RAW, "d/x": product("raw/a")}
    world.load(mesh, LOADED)
    opened(world)
    world.load(RAW, SIX)
    world.load(mesh, SEVEN)
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", SEVEN)
    world.event("raw/a", TODAY, SEVEN)
    assert world.released() == {("d/x", TODAY)}


def test_open_runs_are_counted_before_a_deployment(world: World) -> None:
    """What `headgate plan --stack` shows is what the load then does."""
    world.load(
        {**RAW, "d/x": product("raw/a", name="x"), "d/y": product("raw/a", name="y"), "d/z": product(name="z")}, LOADED
    )
    opened(world)
    opened(world, "2026-11-21 06:00")
    world.event("raw/a", TODAY, SIX)
    rows = [json.loads(row.entry) for row in world.state.open_runs_by_product("", 10)]
    assert rows == [
        {"product": "d/x", "waiting": 1, "released": 1},
        {"product": "d/y", "waiting": 1, "released": 1},
        {"product": "d/z", "waiting": 0, "released": 2},
    ]
    assert [row.key for row in world.state.open_runs_by_product("d/x", 1)] == ["d/y"]
    loaded = world.load(
        {**RAW, "d/x": product("raw/b", name="x"), "d/y": product("raw/a", name="y"), "d/z": product(name="z")},
        at("2026-11-21 07:00"),
    )
    assert loaded["conditions"] == 1
