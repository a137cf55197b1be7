"""Attempts count wherever they are known: what an older one published counts no more, and who used it learns that it is outdated."""

import pytest

from tests.state_steps import DAY, LOADED, TODAY, effects, ends, happened, opened, publish, state_of, uuid
from tests.state_world import World, at, external, leaf, product

SEVEN, EIGHT, NINE = at("2026-11-20 07:00"), at("2026-11-20 08:00"), at("2026-11-20 09:00")
OUTDATED = [{"on": ["OUTDATED"], "level": "product", "slack": ["#a"]}]


def chain(world: World, on_update: str = "notify") -> None:
    """d/b needs d/a, both are COMPLETED."""
    world.load(
        {
            "d/a": product(name="a"),
            "d/b": product({"all_of": [leaf("d/a", on_update=on_update)]}, name="b", notify=OUTDATED),
        },
        LOADED,
    )
    opened(world)
    ends(world, "d/a", "COMPLETED", SEVEN)
    ends(world, "d/b", "COMPLETED", SEVEN)


def foreign(world: World, status: str, attempt: int, **more: str) -> None:
    """An event of the product raw/x, which runs in another account."""
    world.event("raw/x", TODAY, SEVEN, status=status, attempt=attempt, run_id="x", **more)


def test_a_rerun_says_so_and_a_waiting_run_waits_again(world: World) -> None:
    world.load({"raw/r": external(), "d/a": product(name="a"), "d/b": product(["d/a", "raw/r"], name="b")}, LOADED)
    opened(world)
    ends(world, "d/a", "COMPLETED", SEVEN)
    assert publish(world, SEVEN) == ["d/a STARTED 1"]
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", EIGHT)
    assert publish(world, EIGHT) == ["d/a REOPENED 2"]
    world.event("raw/r", TODAY, EIGHT)
    assert state_of(world, "d/b") == (1, "WAITING", False)
    ends(world, "d/a", "COMPLETED", NINE, attempt=2)
    assert state_of(world, "d/b") == (1, "WAITING", True)


@pytest.mark.parametrize("late", [False, True], ids=["in order", "the older one later"])
def test_the_newer_attempt_of_another_account_supersedes_the_older_in_either_order(world: World, late: bool) -> None:
    world.load({"raw/x": external(), "raw/r": external(), "d/b": product(["raw/x", "raw/r"], name="b")}, LOADED)
    opened(world)
    for status, attempt in [("COMPLETED", 1), ("REOPENED", 2)][:: -1 if late else 1]:
        foreign(world, status, attempt)
    world.event("raw/r", TODAY, EIGHT)
    assert state_of(world, "d/b") == (1, "WAITING", False)
    foreign(world, "COMPLETED", 2)
    foreign(world, "REOPENED", 2)
    assert state_of(world, "d/b") == (1, "WAITING", True)


def test_the_same_number_of_another_account_or_date_supersedes_nothing(world: World) -> None:
    world.load({"raw/x": external(), "raw/r": external(), "d/b": product(["raw/x", "raw/r"], name="b")}, LOADED)
    opened(world)
    foreign(world, "COMPLETED", 1, account="111111111111")
    foreign(world, "REOPENED", 2, account="222222222222", event_key="other account")
    world.event("raw/x", "2026-11-19", SEVEN, status="REOPENED", attempt=2, account="111111111111")
    world.event("raw/r", TODAY, EIGHT)
    assert state_of(world, "d/b") == (1, "WAITING", True)


def test_the_event_of_an_attempt_that_was_over_when_it_arrived_counts_no_more(world: World) -> None:
    world.load({"d/a": product(name="a"), "d/b": product("d/a", name="b")}, LOADED)
    opened(world)
    run = uuid(world, "d/a")
    world.state.begin_pipeline(run, 1, None, SEVEN)
    world.state.record_outcome(run, 1, "COMPLETED", None, None, SEVEN, "machine")
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", EIGHT)
    world.event("d/a", TODAY, EIGHT, run_id=str(run), attempt=1)
    assert state_of(world, "d/b") == (1, "WAITING", False)


def test_who_has_used_it_becomes_outdated_and_says_so(world: World) -> None:
    chain(world)
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", EIGHT)
    run = world.run("d/b", TODAY)
    assert (run["status"], run["outdated_at"]) == ("COMPLETED", EIGHT)
    assert happened(world, "d/b")[-1] == "outdated 1"
    (alert,) = effects(world, "alert")
    assert (alert["kind"], alert["product"]) == ("OUTDATED", "d/b")

    ends(world, "d/a", "COMPLETED", NINE, attempt=2)
    assert state_of(world, "d/b") == (1, "COMPLETED", True), "notify runs nothing"
    assert world.run("d/b", TODAY)["outdated_at"] == EIGHT
    world.state.rerun("d/b", DAY, "", False, "rerun", "ann", NINE)
    assert world.run("d/b", TODAY)["outdated_at"] is None
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_it_runs_again_where_metadata_says_so_once_the_new_refresh_is_there(world: World) -> None:
    chain(world, "rerun")
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", EIGHT)
    assert state_of(world, "d/b") == (1, "COMPLETED", True)
    ends(world, "d/a", "COMPLETED", NINE, attempt=2)
    assert state_of(world, "d/b") == (2, "WAITING", True)
    assert happened(world, "d/b")[-2:] == ["resumed 2", "released 2"]
    assert "d/b REOPENED 2" in publish(world, NINE)


def test_it_stays_as_it_is_where_metadata_ignores_it(world: World) -> None:
    chain(world, "ignore")
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", EIGHT)
    ends(world, "d/a", "COMPLETED", NINE, attempt=2)
    assert (state_of(world, "d/b"), world.run("d/b", TODAY)["outdated_at"]) == ((1, "COMPLETED", True), None)


def test_a_pipeline_that_is_under_way_runs_again_after_its_end(world: World) -> None:
    world.load(
        {"d/a": product(name="a"), "d/b": product({"all_of": [leaf("d/a", on_update="rerun")]}, name="b")}, LOADED
    )
    opened(world)
    ends(world, "d/a", "COMPLETED", SEVEN)
    run = uuid(world, "d/b")
    world.state.begin_pipeline(run, 1, None, SEVEN)
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", EIGHT)
    ends(world, "d/a", "COMPLETED", EIGHT, attempt=2)
    assert state_of(world, "d/b") == (1, "PROCESSING", True)

    world.state.record_outcome(run, 1, "COMPLETED", None, None, NINE, "machine")
    assert state_of(world, "d/b") == (2, "WAITING", True)
    repeated = world.state.record_outcome(run, 1, "COMPLETED", None, None, NINE, "machine")
    assert (repeated.repeated, repeated.recorded_at[:16]) == (True, "2026-11-20T09:00"), "its answer was lost"
    world.event("d/b", TODAY, NINE, run_id=str(run), attempt=1)
    assert world.sql("SELECT count(*) FROM refresh_event WHERE product_id = 'd/b' AND superseded_at IS NULL") == [(0,)]


def test_two_inputs_made_again_run_it_once(world: World) -> None:
    needs = {"all_of": [leaf("d/a", on_update="rerun"), leaf("d/c", on_update="rerun")]}
    world.load({"d/a": product(name="a"), "d/c": product(name="c"), "d/b": product(needs, name="b")}, LOADED)
    opened(world)
    for name in ("d/a", "d/c", "d/b"):
        ends(world, name, "COMPLETED", SEVEN)
    for name in ("d/a", "d/c"):
        world.state.rerun(name, DAY, "", False, "rerun", "ann", EIGHT)
    ends(world, "d/a", "COMPLETED", NINE, attempt=2)
    assert state_of(world, "d/b") == (1, "COMPLETED", True)
    ends(world, "d/c", "COMPLETED", NINE, attempt=2)
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_it_runs_again_by_the_condition_of_today(world: World) -> None:
    """The condition changed after it had completed."""
    given = {"raw/r": external(), "raw/s": external(), "d/a": product(name="a")}
    again = leaf("d/a", on_update="rerun")
    world.load({**given, "d/b": product({"all_of": [again, leaf("raw/r")]}, name="b")}, LOADED)
    opened(world)
    world.event("raw/r", TODAY, SEVEN)
    for name in ("d/a", "d/b"):
        ends(world, name, "COMPLETED", SEVEN)
    world.load({**given, "d/b": product({"all_of": [leaf("raw/s"), again]}, name="b")}, SEVEN)
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", EIGHT)
    ends(world, "d/a", "COMPLETED", EIGHT, attempt=2)
    assert state_of(world, "d/b") == (1, "COMPLETED", True), "it needs raw/s now"
    world.event("raw/s", TODAY, NINE)
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_it_waits_for_the_new_refresh_also_where_another_would_do(world: World) -> None:
    either = {"any_of": [leaf("d/a", on_update="rerun"), leaf("raw/r")]}
    world.load({"raw/r": external(), "d/a": product(name="a"), "d/b": product(either, name="b")}, LOADED)
    opened(world)
    world.event("raw/r", TODAY, SEVEN)
    for name in ("d/a", "d/b"):
        ends(world, name, "COMPLETED", SEVEN)
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", EIGHT)
    world.state.repair(EIGHT)
    assert state_of(world, "d/b") == (1, "COMPLETED", True)
    ends(world, "d/a", "COMPLETED", NINE, attempt=2)
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_it_runs_again_with_the_others_if_the_refresh_does_not_come_again(world: World) -> None:
    """raw/x is run again in its account, and skipped."""
    either = {"any_of": [leaf("raw/x", on_update="rerun"), leaf("raw/r")]}
    world.load({"raw/r": external(), "raw/x": external(), "d/b": product(either, name="b")}, LOADED)
    opened(world)
    world.event("raw/r", TODAY, SEVEN)
    foreign(world, "COMPLETED", 1)
    ends(world, "d/b", "COMPLETED", SEVEN)
    world.event("raw/x", TODAY, EIGHT, status="REOPENED", attempt=2, run_id="x")
    assert state_of(world, "d/b") == (1, "COMPLETED", True)
    world.event("raw/x", TODAY, NINE, status="SKIPPED", attempt=2, run_id="x")
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_it_runs_again_if_the_metadata_no_longer_asks_for_the_refresh(world: World) -> None:
    mesh = {"raw/r": external(), "d/a": product(name="a")}
    world.load(mesh | {"d/b": product({"all_of": [leaf("d/a", on_update="rerun")]}, name="b")}, LOADED)
    opened(world)
    world.event("raw/r", TODAY, SEVEN)
    for name in ("d/a", "d/b"):
        ends(world, name, "COMPLETED", SEVEN)
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", EIGHT)
    world.load(mesh | {"d/b": product({"all_of": [leaf("raw/r", on_update="rerun")]}, name="b")}, NINE)
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_a_fallback_that_has_run_stays_completed(world: World) -> None:
    world.load(
        {"d/a": product(name="a"), "d/f": product({"all_of": [leaf("d/a", status=["ERROR"])]}, name="f")}, LOADED
    )
    opened(world)
    ends(world, "d/a", "ERROR", SEVEN, error="JobFailed")
    ends(world, "d/f", "COMPLETED", SEVEN)
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", EIGHT)
    ends(world, "d/a", "COMPLETED", NINE, attempt=2)
    assert (state_of(world, "d/f"), world.run("d/f", TODAY)["outdated_at"]) == ((1, "COMPLETED", True), None)
