"""What people do to runs, and what the monitor notices: hold, rerun, skip, backfill, lateness."""

from dataclasses import asdict
from datetime import date

import pytest

from state.errors import IllegalTransition, NoPipeline, UnknownProduct, UnknownRun
from tests.state_steps import ARN, DAY, LOADED, SIX, TODAY, complete, effects, opened, uuid, wait
from tests.state_world import World, at, daily, external, product


def test_what_is_held_back_is_released_when_let_go(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a"), "d/y": product("raw/a")}, LOADED)
    opened(world)
    world.state.set_hold("d/x", None, "", True, "ann", SIX)
    world.state.set_hold("d/y", DAY, "", True, "ann", SIX)
    world.event("raw/a", TODAY, SIX)
    assert world.released() == set()

    assert len(world.state.set_hold("d/x", None, "", False, "ann", SIX).released) == 1
    assert len(world.state.set_hold("d/y", DAY, "", False, "ann", SIX).released) == 1
    assert world.run("d/x", TODAY)["changed_by"] == "ann"


def test_a_run_that_was_released_cannot_be_held(world: World) -> None:
    world.load({"d/x": product()}, LOADED)
    opened(world)
    with pytest.raises(IllegalTransition, match="d/x for 2026-11-20 has been released already; its pipeline starts"):
        world.state.set_hold("d/x", DAY, "", True, "ann", SIX)
    with pytest.raises(UnknownRun, match="d/x has no waiting run for 2026-11-20 1430"):
        world.state.set_hold("d/x", DAY, "1430", True, "ann", SIX)


def test_a_hold_that_is_there_already_changes_nothing(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a")}, LOADED)
    opened(world)
    for changed in (True, False):
        change = world.state.set_hold("d/x", None, "", True, "ann", SIX)
        assert (change.changed, change.waiting) == (changed, [{"business_date": TODAY, "cycle": ""}])
    assert world.sql("SELECT held, changed_by FROM data_product_hold_history") == [(True, "ann")]


def test_a_rerun_does_everything_downstream_of_the_same_date_again(world: World) -> None:
    world.load(
        {
            "raw/a": external(),
            "d/x": product("raw/a"),
            "d/y": product("d/x"),
            "d/z": product(["d/y", "raw/a"]),
            "d/other": product("raw/a"),
        },
        LOADED,
    )
    opened(world)
    world.event("raw/a", TODAY, SIX)
    for name in ("d/x", "d/y", "d/z", "d/other"):
        complete(world, name)
        world.event(name, TODAY, SIX, run_id=str(world.run(name, TODAY)["run_id"]), attempt=1)

    again = world.state.rerun("d/x", DAY, "", True, "rerun", "ann", at("2026-11-20 10:00"))

    assert [each["product"] for each in again] == ["d/x", "d/y", "d/z"]
    assert {name: world.run(name, TODAY)["attempt"] for name in ("d/x", "d/y", "d/z", "d/other")} == {
        "d/x": 2,
        "d/y": 2,
        "d/z": 2,
        "d/other": 1,
    }
    # d/x has its input; the others wait for what the new attempts publish, not for what the old ones did
    assert {name for name, _ in world.released()} == {"d/x", "d/other"}
    complete(world, "d/x", attempt=2)
    world.event("d/x", TODAY, SIX, run_id=str(world.run("d/x", TODAY)["run_id"]), attempt=1)
    assert world.run("d/y", TODAY)["released_at"] is None, "a late copy of the old event does not count"
    world.event("d/x", TODAY, SIX, run_id=str(world.run("d/x", TODAY)["run_id"]), attempt=2)
    assert world.run("d/y", TODAY)["released_at"] is not None


def test_a_rerun_waits_for_the_job_that_still_runs(world: World) -> None:
    world.load({"d/x": product()}, LOADED)
    opened(world)
    world.state.record_job_start(uuid(world, "d/x"), 1, "build", "glue", "j", "jr_1", {}, "t", SIX)
    world.state.record_outcome(uuid(world, "d/x"), 1, "ERROR", "States.Timeout", "", SIX, "machine")

    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", SIX)
    assert world.run("d/x", TODAY)["released_at"] is None
    world.state.record_job_states([{"job_run_id": "jr_1", "job": "j", "state": "STOPPED"}], SIX)

    assert world.run("d/x", TODAY)["release_reason"] == "the job of the earlier attempt ended"


def test_what_runs_cannot_be_run_again(world: World) -> None:
    world.load({"d/x": product()}, LOADED)
    opened(world)
    for message in ("d/x is WAITING", "d/x is PROCESSING"):
        with pytest.raises(IllegalTransition, match=message):
            world.state.rerun("d/x", DAY, "", False, "rerun", "ann", SIX)
        world.state.record_job_start(uuid(world, "d/x"), 1, "build", "glue", "j", "jr_1", {}, "t", SIX)
    with pytest.raises(UnknownRun):
        world.state.rerun("d/x", date.fromisoformat("2020-01-01"), "", False, "rerun", "ann", SIX)


def test_a_skipped_run_stops_its_machine(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a")}, LOADED)
    opened(world)
    wait(world, "d/x")
    world.state.skip_run("d/x", DAY, "", "ann", SIX)

    assert world.run("d/x", TODAY)["status"] == "SKIPPED"
    with pytest.raises(IllegalTransition, match="d/x for 2026-11-20 is SKIPPED; only a waiting run can be skipped"):
        world.state.skip_run("d/x", DAY, "", "ann", SIX)
    assert effects(world, "stop_execution") == [{"execution_arn": ARN, "cause": "skipped by ann"}]
    world.event("raw/a", TODAY, SIX)
    assert world.released() == set()


def test_a_backfill_opens_past_dates_with_what_is_known_of_them(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a")}, LOADED)
    world.event("raw/a", "2026-11-02", at("2026-11-02 06:00"))

    first, last = date.fromisoformat("2026-11-01"), date.fromisoformat("2026-11-05")
    assert asdict(world.state.backfill("d/x", first, last, True, "ann", SIX)) == {"opened": 5, "existing": 0}
    assert world.sql("SELECT count(*) FROM data_product_status") == [(0,)], "a preview opens nothing"
    assert asdict(world.state.backfill("d/x", first, last, False, "ann", SIX)) == {"opened": 5, "existing": 0}
    assert asdict(world.state.backfill("d/x", first, last, True, "ann", SIX)) == {"opened": 0, "existing": 5}
    assert world.released() == {("d/x", "2026-11-02")}
    with pytest.raises(
        NoPipeline, match="raw/a has no pipeline in this account, so it has no runs; it is refreshed elsewhere"
    ):
        world.state.backfill("raw/a", first, last, False, "ann", SIX)


def test_a_backfill_of_a_domain_opens_what_its_schedules_open(world: World) -> None:
    """As on the day it is onboarded, when the morning's openings are past."""
    weekly = {**daily("06:00"), "fires": {**daily("06:00")["fires"], "month_days": [], "week_days": [2]}}
    world.load(
        {
            "raw/a": external(),
            "d/x": product("raw/a", name="x"),
            "d/weekly": product("raw/a", name="weekly", schedule=weekly),
            "d/after": product("d/x", name="after", schedule=None),
            "other/x": product("raw/a", name="other"),
        },
        LOADED,
    )
    friday, monday = date.fromisoformat("2026-11-20"), date.fromisoformat("2026-11-23")

    assert world.state.backfill("d", friday, friday, False, "ann", SIX).opened == 1
    assert world.state.backfill("d", friday, monday, False, "ann", SIX).opened == 4
    opened_runs = world.sql("SELECT product_id, count(*) FROM data_product_status GROUP BY 1 ORDER BY 1")
    assert opened_runs == [("d/weekly", 1), ("d/x", 4)]
    with pytest.raises(NoPipeline, match="no product of raw has a schedule and a pipeline"):
        world.state.backfill("raw", friday, friday, False, "ann", SIX)
    with pytest.raises(UnknownProduct, match=r"^d/nothing$"):
        world.state.backfill("d/nothing", friday, friday, False, "ann", SIX)
    with pytest.raises(UnknownProduct, match="nowhere has no pipeline in this account"):
        world.state.backfill("nowhere", friday, friday, False, "ann", SIX)


def test_a_late_run_causes_one_alert_started_or_not(world: World) -> None:
    notify = [{"on": ["LATE"], "level": "product", "slack": ["#a"]}]
    world.load(
        {
            "raw/a": external(),
            "d/x": product("raw/a", sla={"complete_by": "08:00"}, notify=notify),
            "d/y": product("raw/a", sla={"complete_by": "05:00"}),
        },
        LOADED,
    )
    opened(world)

    assert world.state.repair(at("2026-11-20 07:59")).late == 0
    assert world.state.repair(at("2026-11-20 08:01")).late == 1
    assert world.state.repair(at("2026-11-20 08:11")).late == 0
    (alert,) = effects(world, "alert")
    assert (alert["kind"], alert["product"], alert["status"]) == ("LATE", "d/x", "WAITING")
    assert world.state.repair(at("2026-11-21 05:01")).late == 1  # earlier than the opening means the next day
