"""Waivers: an input of one run counts as arrived because an operator says so; for that run alone, in all its attempts."""

from datetime import timedelta
from typing import Any

import pytest

from contract import require
from state.errors import IllegalTransition, UnknownRun
from tests.state_steps import DAY, LOADED, SIX, TODAY, complete, effects, opened, uuid, wait
from tests.state_world import World, at, external, leaf, product

TOMORROW = "2026-11-21"
TEN = at("2026-11-20 10:00")
MESH = {"raw/a": external(), "raw/b": external(), "d/x": product(["raw/a", "raw/b"], name="x")}


def waive(
    world: World, upstream: str = "raw/b", undo: bool = False, now: Any = SIX, name: str = "d/x"
) -> dict[str, Any]:
    return world.state.waive_input(name, DAY, "", upstream, "the file is late", undo, "ann", now)


def why(world: World, name: str = "d/x") -> Any:
    return world.state.explain_run(name, DAY, None, TEN)


def kinds(world: World, name: str = "d/x") -> list[Any]:
    entries = world.state.history_page(name, DAY, DAY, "", 100, False)
    return [(each.entry, each.key) for each in entries]


def test_a_waived_input_counts_as_arrived(world: World) -> None:
    world.load(MESH, LOADED)
    opened(world)
    wait(world, "d/x")

    answer = waive(world)
    assert (answer["released"], [each["product"] for each in answer["missing"]]) == (False, ["raw/a"])
    world.event("raw/a", TODAY, SIX)

    assert world.released() == {("d/x", TODAY)}
    (waived,) = why(world)["waived"]
    assert (waived["product"], waived["by"], waived["reason"]) == ("raw/b", "ann", "the file is late")
    assert [each["product"] for each in why(world)["arrived"]] == ["raw/a"]
    assert any('"waived"' in entry and '"the file is late"' in entry for entry, _ in kinds(world))
    assert len(effects(world, "task_success")) == 1


def test_the_last_missing_input_releases_the_run_when_it_is_waived(world: World) -> None:
    world.load(MESH, LOADED)
    opened(world)
    world.event("raw/a", TODAY, SIX)
    assert waive(world)["released"] is True
    run = world.run("d/x", TODAY)
    assert (run["release_reason"], run["changed_by"]) == ("raw/b was waived", "ann")


@pytest.mark.parametrize(
    ("upstream", "message"),
    [
        ("raw/c", "d/x for 2026-11-20 does not wait for raw/c; it waits for raw/a, raw/b"),
        ("raw/a", "raw/a of d/x for 2026-11-20 has arrived"),
    ],
)
def test_what_makes_no_sense_is_refused(world: World, upstream: str, message: str) -> None:
    world.load(MESH, LOADED)
    opened(world)
    world.event("raw/a", TODAY, SIX)
    with pytest.raises(IllegalTransition, match=f"^{message}$"):
        waive(world, upstream)


def test_a_run_that_has_its_inputs_takes_no_waiver(world: World) -> None:
    world.load({**MESH, "d/any": product({"any_of": [leaf("raw/a"), leaf("raw/b")]}, name="any")}, LOADED)
    opened(world)
    world.event("raw/a", TODAY, SIX)
    for status, message in (
        ("WAITING", "has been released already"),
        ("COMPLETED", "is COMPLETED; an input is waived while"),
    ):
        with pytest.raises(IllegalTransition, match=f"d/any for {TODAY} {message}"):
            waive(world, name="d/any")
        if status == "WAITING":
            complete(world, "d/any")
    with pytest.raises(UnknownRun, match="d/x has no run for 2026-11-20 1430"):
        world.state.waive_input("d/x", DAY, "1430", "raw/b", "r", False, "ann", SIX)


def test_a_waiver_can_be_taken_back_while_the_run_waits(world: World) -> None:
    world.load(MESH, LOADED)
    opened(world)
    with pytest.raises(IllegalTransition, match="raw/b of d/x for 2026-11-20 is not waived"):
        waive(world, undo=True)
    waive(world)
    with pytest.raises(IllegalTransition, match="raw/b of d/x for 2026-11-20 is waived already, by ann"):
        waive(world)

    waive(world, undo=True)

    world.event("raw/a", TODAY, SIX)
    assert world.released() == set()
    assert "waived" not in why(world)
    assert any('"waiver ended"' in entry for entry, _ in kinds(world))
    waive(world)
    with pytest.raises(IllegalTransition, match="has been released already"):
        waive(world, undo=True)


def test_an_event_that_came_while_it_was_waived_counts_once_the_waiver_is_taken_back(world: World) -> None:
    world.load(MESH, LOADED)
    opened(world)
    waive(world)
    world.event("raw/b", TODAY, SIX)
    waive(world, undo=True)
    world.event("raw/a", TODAY, SIX)
    assert world.released() == {("d/x", TODAY)}


def test_a_waiver_stays_for_every_attempt_of_its_run_and_is_for_no_other(world: World) -> None:
    world.load({**MESH, "d/y": product(["raw/a", "raw/b"], name="y")}, LOADED)
    opened(world)
    opened(world, f"{TOMORROW} 06:00")
    waive(world)
    for date in (TODAY, TOMORROW):
        world.event("raw/a", date, SIX)
    assert world.released() == {("d/x", TODAY)}, "not of another product, not of another date"

    complete(world, "d/x", status="ERROR")
    world.state.rerun("d/x", DAY, "", False, "rerun", "bob", TEN)
    run = world.run("d/x", TODAY)
    assert (run["attempt"], run["released_at"] is not None) == (2, True)
    assert [each["product"] for each in why(world)["waived"]] == ["raw/b"]


def test_a_waiver_survives_metadata_that_keeps_the_input(world: World) -> None:
    world.load({**MESH, "raw/c": external()}, LOADED)
    opened(world)
    waive(world)
    world.load({**MESH, "raw/c": external(), "d/x": product(["raw/c", "raw/b"], name="x")}, SIX)
    world.event("raw/c", TODAY, SIX)
    assert world.released() == {("d/x", TODAY)}
    world.load({**MESH, "raw/c": external(), "d/x": product(["raw/c"], name="x")}, SIX)
    assert [each["by"] for each in why(world)["waived"]] == ["ann"], "it was released with it"


def test_a_run_that_ended_because_inputs_were_missing_resumes_with_a_waiver(world: World) -> None:
    world.load(MESH, LOADED)
    opened(world)
    world.event("raw/a", TODAY, SIX)
    world.state.resolve_deadline(uuid(world, "d/x"), 1, "fail", TEN)
    world.state.record_outcome(
        uuid(world, "d/x"), 1, "ERROR", "DeadlineExceeded", "the deadline passed", TEN, "machine"
    )

    answer = waive(world, now=TEN + timedelta(hours=1))

    assert (answer["attempt"], answer["released"]) == (2, True)
    run = world.run("d/x", TODAY)
    assert (run["status"], run["attempt"], run["cause"]) == ("WAITING", 2, "raw/b was waived")
    complete(world, "d/x", attempt=2)
    with pytest.raises(IllegalTransition, match="d/x for 2026-11-20 is COMPLETED"):
        waive(world)


def test_a_run_that_failed_by_itself_or_was_cancelled_takes_none(world: World) -> None:
    world.load(MESH, LOADED)
    opened(world)
    world.state.cancel_run("d/x", DAY, "", None, "ann", SIX)
    with pytest.raises(
        IllegalTransition, match=r"is CANCELLED; an input is waived while the run waits.*`headgate rerun`"
    ):
        waive(world)


def test_the_event_of_a_run_names_what_was_waived_for_it(world: World) -> None:
    world.load({**MESH, "d/y": product("raw/a", name="y")}, LOADED)
    opened(world)
    waive(world)
    world.event("raw/a", TODAY, SIX)
    for name, waived in (("d/x", ["raw/b"]), ("d/y", None)):
        world.state.begin_pipeline(uuid(world, name), 1, None, SIX)
        finished = world.state.finish_attempt(uuid(world, name), 1, "COMPLETED", None, None, TEN)
        stored = [
            each["detail"] for each in effects(world, "put_event") if each["detail_type"] == "Data Product Refreshed"
        ]
        assert (finished.detail.get("waived"), finished.detail) == (waived, stored[-1]), "both copies are the same"
        require(
            {"source": "headgate", "detail-type": "Data Product Refreshed", "detail": finished.detail}, "refresh-event"
        )
