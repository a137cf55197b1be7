"""Once an upstream is fixed, what ended because of it goes on by itself; and a run that can never go on says so at once."""

from typing import Any

import pytest

from tests.state_steps import (
    ARN,
    DAY,
    LOADED,
    TODAY,
    effects,
    ends,
    happened,
    misses_deadline,
    opened,
    publish,
    state_of,
    uuid,
    wait,
)
from tests.state_world import World, at, external, leaf, product

SEVEN, TEN, ELEVEN = at("2026-11-20 07:00"), at("2026-11-20 10:00"), at("2026-11-20 11:00")
FAILED = leaf("d/a", status=["ERROR"])


def waiting_policy(resume: object = 86400, on_deadline: str = "fail") -> dict[str, object]:
    return {"deadline": 4 * 3600, "on_deadline": on_deadline, "resume": resume}


def mesh(world: World, needs: str | None = None, **more: Any) -> None:
    """d/b needs d/a and raw/r, and d/c needs d/b. What d/a `needs` does not come."""
    world.load(
        {
            "raw/r": external(),
            "d/a": product(needs, name="a"),
            "d/b": product(["d/a", "raw/r"], name="b", wait=waiting_policy(**more)),
            "d/c": product("d/b", name="c", wait=waiting_policy()),
        },
        LOADED,
    )
    opened(world)
    world.event("raw/r", TODAY, SEVEN)


@pytest.mark.parametrize("on_deadline", ["fail", "skip"])
def test_everything_downstream_goes_on_after_the_failure_is_fixed(world: World, on_deadline: str) -> None:
    mesh(world, on_deadline=on_deadline)
    ends(world, "d/a", "ERROR", SEVEN, error="JobFailed")
    misses_deadline(world, "d/b", on_deadline, TEN)
    publish(world, TEN)
    if on_deadline == "fail":
        misses_deadline(world, "d/c", "fail", TEN)
    assert {state_of(world, name)[1] for name in ("d/b", "d/c")} <= {"ERROR", "SKIPPED"}

    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", ELEVEN)
    publish(world, ELEVEN)
    assert state_of(world, "d/b")[0] == 1, "not before there is something to go on with"
    ends(world, "d/a", "COMPLETED", ELEVEN, attempt=2)
    assert state_of(world, "d/b") == (2, "WAITING", True)
    assert world.run("d/b", TODAY)["cause"] == "d/a for 2026-11-20 arrived"
    assert "d/b REOPENED 2" in publish(world, ELEVEN)
    ends(world, "d/b", "COMPLETED", ELEVEN, attempt=2)
    assert state_of(world, "d/c") == (2, "WAITING", True)
    assert happened(world, "d/c")[-2:] == ["resumed 2", "released 2"]


def test_once_for_all_inputs(world: World) -> None:
    world.load({"raw/r": external(), "raw/s": external(), "d/b": product(["raw/r", "raw/s"], name="b")}, LOADED)
    opened(world)
    misses_deadline(world, "d/b", "fail", TEN)
    world.event("raw/r", TODAY, ELEVEN)
    assert state_of(world, "d/b") == (1, "ERROR", False)
    world.event("raw/s", TODAY, ELEVEN)
    world.event("raw/s", TODAY, ELEVEN, event_key="and again")
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_the_latest_refresh_resumes_as_well(world: World) -> None:
    world.load({"raw/r": external(), "d/b": product({"all_of": [leaf("raw/r", max_age=86400)]}, name="b")}, LOADED)
    opened(world)
    misses_deadline(world, "d/b", "fail", TEN)
    world.event("raw/r", "2026-11-18", ELEVEN)
    assert state_of(world, "d/b") == (2, "WAITING", True)


@pytest.mark.parametrize(("resume", "arrives"), [(None, ELEVEN), (3600, at("2026-11-20 11:01"))], ids=["never", "after an hour"])  # fmt: skip
def test_it_does_not_resume_without_end(world: World, resume: object, arrives: object) -> None:
    mesh(world, resume=resume)
    misses_deadline(world, "d/b", "fail", TEN)
    ends(world, "d/a", "COMPLETED", arrives)  # type: ignore[arg-type]
    assert state_of(world, "d/b") == (1, "ERROR", False)


@pytest.mark.parametrize("how", ["failed by itself", "skipped by an operator", "cancelled"])
def test_what_ended_for_another_reason_does_not_resume(world: World, how: str) -> None:
    mesh(world)
    run = uuid(world, "d/b")
    if how == "failed by itself":
        ends(world, "d/b", "ERROR", TEN, error="JobFailed")
    elif how == "cancelled":
        world.state.record_outcome(run, 1, "CANCELLED", None, "by ann", TEN, "ann")
    else:
        world.state.skip_run("d/b", DAY, "", "ann", TEN)
    ends(world, "d/a", "COMPLETED", ELEVEN)
    world.state.repair(ELEVEN)
    assert state_of(world, "d/b")[0] == 1


def test_a_held_product_resumes_at_the_end_of_the_hold(world: World) -> None:
    mesh(world)
    misses_deadline(world, "d/b", "fail", TEN)
    world.state.set_hold("d/b", None, "", True, "ann", TEN)
    ends(world, "d/a", "COMPLETED", ELEVEN)
    assert state_of(world, "d/b") == (1, "ERROR", False)
    world.state.set_hold("d/b", None, "", False, "ann", ELEVEN)
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_what_arrives_between_the_decision_and_its_record_resumes_at_once(world: World) -> None:
    mesh(world)
    world.state.resolve_deadline(uuid(world, "d/b"), 1, "fail", TEN)
    ends(world, "d/a", "COMPLETED", TEN)
    assert state_of(world, "d/b") == (1, "WAITING", False)
    ends(world, "d/b", "ERROR", ELEVEN, error="DeadlineExceeded")
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_a_new_condition_that_holds_resumes(world: World) -> None:
    mesh(world)
    misses_deadline(world, "d/b", "fail", TEN)
    products = {"raw/r": external(), "d/a": product(name="a"), "d/b": product("raw/r", name="b", wait=waiting_policy())}
    world.load(products, ELEVEN)
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_the_monitor_finds_one_that_was_overlooked(world: World) -> None:
    mesh(world)
    misses_deadline(world, "d/b", "fail", TEN)
    world.sql(
        "INSERT INTO refresh_event (event_key, product_id, business_date, cycle, status, refreshed_at, received_at, metadata) "
        "VALUES ('unseen', 'd/a', %s, '', 'COMPLETED', %s, %s, '{}')", TODAY, TEN, TEN,
    )  # fmt: skip
    assert world.state.repair(ELEVEN).released == 1
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_a_skipped_upstream_skips_what_cannot_run_without_it_and_both_go_on(world: World) -> None:
    mesh(world, needs="raw/q")
    wait(world, "d/b", now="2026-11-20 07:00")
    world.state.skip_run("d/a", DAY, "", "ann", TEN)
    assert publish(world, TEN) == ["d/a SKIPPED 1"]
    assert (state_of(world, "d/b"), world.run("d/b", TODAY)["cause"]) == (
        (1, "SKIPPED", False),
        "d/a for 2026-11-20 was skipped",
    )
    assert [each["execution_arn"] for each in effects(world, "stop_execution")] == [ARN]
    assert publish(world, TEN) == ["d/b SKIPPED 1"]
    assert state_of(world, "d/c")[1] == "SKIPPED"

    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", ELEVEN)
    world.event("raw/q", TODAY, ELEVEN)
    ends(world, "d/a", "COMPLETED", ELEVEN, attempt=2)
    assert state_of(world, "d/b") == (2, "WAITING", True)
    assert len(effects(world, "stop_execution")) == 1, "the machine of the first attempt still waits"
    ends(world, "d/b", "COMPLETED", ELEVEN, attempt=2)
    assert state_of(world, "d/c") == (2, "WAITING", True)


def test_a_run_is_skipped_at_its_opening_as_well(world: World) -> None:
    world.load({"raw/x": external(), "d/b": product("raw/x", name="b")}, LOADED)
    world.event("raw/x", TODAY, LOADED, status="CANCELLED")
    opened(world)
    assert (state_of(world, "d/b"), effects(world, "start_execution")) == ((1, "SKIPPED", False), [])
    world.event("raw/x", TODAY, SEVEN)
    assert state_of(world, "d/b") == (2, "WAITING", True)


def test_a_fallback_that_had_missed_its_deadline_is_not_needed_either(world: World) -> None:
    world.load({"d/a": product(name="a"), "d/f": product({"all_of": [FAILED]}, name="f")}, LOADED)
    opened(world)
    ends(world, "d/f", "ERROR", SEVEN, error="DeadlineExceeded")
    ends(world, "d/a", "COMPLETED", TEN)
    assert (state_of(world, "d/f"), world.run("d/f", TODAY)["cause"]) == (
        (2, "SKIPPED", False),
        "not needed: d/a for 2026-11-20 completed",
    )
    assert effects(world, "start_execution")[-1]["name"] != f"f-{TODAY}-2", "there is nothing to start"


def test_a_run_does_not_resume_by_what_its_upstream_gives_up_in_the_same_moment(world: World) -> None:
    """The messages of one batch: d/b was skipped, so that its fallback may end SKIPPED too; and what d/b had missed has arrived."""
    fallback = product({"all_of": [leaf("d/b", status=["ERROR"])]}, name="f")
    world.load({"raw/r": external(), "d/b": product("raw/r", name="b"), "d/f": fallback}, LOADED)
    opened(world)
    for name, policy in (("d/b", "skip"), ("d/f", "fail")):
        misses_deadline(world, name, policy, TEN)
    run = {"product_id": "d/b", "run_id": str(uuid(world, "d/b")), "attempt": 1, "status": "SKIPPED"}
    common = {"business_date": TODAY, "cycle": "", "refreshed_at": TEN.isoformat()}
    refresh = {"product_id": "raw/r", "status": "COMPLETED"}
    events = [{**each, **common, "event_key": each["product_id"]} for each in (run, refresh)]

    world.state.record_refresh_events(events, ELEVEN)

    assert state_of(world, "d/b") == (2, "WAITING", True)
    assert state_of(world, "d/f") == (1, "ERROR", False), "nothing has arrived for it, and everything may still"
    ends(world, "d/b", "COMPLETED", ELEVEN, attempt=2)
    assert state_of(world, "d/f") == (2, "SKIPPED", False)


def test_runs_that_depend_on_each_other_by_older_metadata_resume_together(world: World) -> None:
    """Rows as changes of the metadata on several days leave them: what d/a ended without was d/b, and d/b without d/a."""
    loaded = {"d/a": product("raw/q", name="a"), "d/b": product("d/a", name="b")}
    world.load({"raw/q": external(), **loaded}, LOADED)
    opened(world)
    for name in loaded:
        misses_deadline(world, name, "fail", TEN)
    world.sql("UPDATE data_product_dependencies_events_status SET upstream = 'd/b' WHERE upstream = 'raw/q'")
    world.sql("UPDATE data_product_dependencies_events_status SET status = 'ARRIVED', arrived_at = %s", TEN)

    world.state.repair(ELEVEN)

    assert [state_of(world, name) for name in loaded] == [(2, "WAITING", False), (2, "WAITING", True)], (
        "d/a waits for raw/q, as the metadata of today says"
    )


def test_a_fallback_is_not_needed_once_its_upstream_has_recovered(world: World) -> None:
    world.load({"raw/r": external(), "d/a": product(name="a"), "d/f": product({"all_of": [FAILED, leaf("raw/r")]}, name="f")}, LOADED)  # fmt: skip
    opened(world)
    ends(world, "d/a", "ERROR", SEVEN, error="JobFailed")
    world.state.rerun("d/a", DAY, "", False, "rerun", "ann", TEN)
    ends(world, "d/a", "COMPLETED", TEN, attempt=2)
    assert (state_of(world, "d/f"), world.run("d/f", TODAY)["cause"]) == (
        (1, "SKIPPED", False),
        "not needed: d/a for 2026-11-20 completed",
    )


@pytest.mark.parametrize(
    ("condition", "status", "skipped"),
    [
        ({"any_of": [leaf("raw/x"), leaf("raw/r")]}, "SKIPPED", False),
        ({"all_of": [leaf("raw/x"), leaf("raw/r")]}, "SKIPPED", True),
        ({"all_of": [leaf("raw/x"), leaf("raw/r")]}, "ERROR", False),
        ({"all_of": [leaf("raw/x", status=["COMPLETED", "SKIPPED"]), leaf("raw/r")]}, "SKIPPED", False),
        ({"all_of": [leaf("raw/x", max_age=86400), leaf("raw/r")]}, "SKIPPED", False),
        ({"all_of": [leaf("raw/x", status=["STARTED"]), leaf("raw/r")]}, "COMPLETED", False),
        ({"all_of": [leaf("raw/x", status=["STARTED"]), leaf("raw/r")]}, "CANCELLED", True),
        ({"all_of": [leaf("raw/x", status=["SKIPPED"]), leaf("raw/r")]}, "COMPLETED", True),
        ({"any_of": [{"all_of": [leaf("raw/x"), leaf("raw/r")]}, leaf("raw/s")]}, "SKIPPED", False),
        ({"all_of": [{"any_of": [leaf("raw/x")]}, leaf("raw/r")]}, "SKIPPED", True),
    ],
)
def test_when_a_condition_can_hold_no_more(world: World, condition: object, status: str, skipped: bool) -> None:
    world.load({**{f"raw/{name}": external() for name in "xrs"}, "d/b": product(condition, name="b")}, LOADED)
    opened(world)
    world.event("raw/x", TODAY, SEVEN, status=status)
    assert state_of(world, "d/b") == (1, "SKIPPED" if skipped else "WAITING", False)


def test_a_hold_and_a_deadline_that_starts_keep_a_run_waiting(world: World) -> None:
    policy = waiting_policy(on_deadline="start")
    world.load({"raw/x": external(), "d/b": product("raw/x", name="b"), "d/s": product("raw/x", name="s", wait=policy)}, LOADED)  # fmt: skip
    opened(world)
    world.state.set_hold("d/b", None, "", True, "ann", SEVEN)
    world.event("raw/x", TODAY, SEVEN, status="SKIPPED")
    assert state_of(world, "d/b") == state_of(world, "d/s") == (1, "WAITING", False)
    world.state.set_hold("d/b", None, "", False, "ann", SEVEN)
    assert state_of(world, "d/b") == (1, "SKIPPED", False)
    assert misses_deadline(world, "d/s", "start", TEN) == "start"


def test_every_start_and_end_is_an_event(world: World) -> None:
    mesh(world)
    world.state.begin_pipeline(uuid(world, "d/a"), 1, None, SEVEN)
    assert publish(world, SEVEN) == ["d/a STARTED 1"]
    world.state.record_outcome(uuid(world, "d/a"), 1, "ERROR", "JobFailed", "", SEVEN, "machine")
    assert publish(world, at("2026-11-20 07:15")) == ["d/a ERROR 1"], "if its machine does not publish it"
    world.load({"raw/r": external(), "d/a": product(name="a"), "d/b": external()}, TEN)
    assert sorted(publish(world, TEN)) == ["d/b CANCELLED 1", "d/c CANCELLED 1"]
    causes = world.sql("SELECT cause FROM refresh_event WHERE status = 'CANCELLED' ORDER BY product_id")
    assert causes == [("d/b has no pipeline any more",), ("d/c was removed from the catalog",)]
