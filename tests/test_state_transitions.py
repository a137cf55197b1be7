"""A run's life in the database: opened, released, processed, ended, done again. Each invariant has a story here."""

from datetime import timedelta
from uuid import UUID

import pytest

from state.answers import Deadline
from state.errors import CatalogGoesBack, IllegalTransition, StaleAttempt, StateError, UnknownRun
from tests.state_steps import LOADED, SIX, TODAY, complete, effects, opened, uuid, wait
from tests.state_world import World, at, daily, external, leaf, product


def test_the_schedule_opens_each_run_once_with_everything_waiting(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a"), "d/late": product("raw/a", schedule="09:00")}, LOADED)

    assert opened(world) == {"due": 1, "opened": 1}
    assert opened(world) == {"due": 0, "opened": 0}

    run = world.run("d/x", TODAY)
    assert (run["status"], run["attempt"], run["released_at"]) == ("WAITING", 1, None)
    assert run["deadline_at"] == at("2026-11-20 10:00")
    assert effects(world, "start_execution") == [
        {
            "machine": "m_p",
            "name": f"p-{TODAY}-1",
            "input": {
                "run_id": str(run["run_id"]),
                "product": "d/x",
                "business_date": TODAY,
                "cycle": "",
                "attempt": 1,
            },
        }
    ]


def test_openings_missed_for_a_while_are_made_up_for(world: World) -> None:
    world.load({"d/x": product()}, LOADED)
    assert opened(world, "2026-11-22 07:00")["opened"] == 3


def test_business_dates_follow_zone_offset_and_calendar(world: World) -> None:
    banking = {"weekend": [6, 7], "dates": ["2026-11-26"]}
    chicago = daily("20:00", timezone="America/Chicago", date_offset=-1, calendar="banking")
    world.load({"d/x": product(schedule=chicago)}, at("2026-11-20 12:00"), {"banking": banking})

    opened(world, "2026-11-21 03:00")  # Friday evening in Chicago
    assert world.run("d/x", "2026-11-19")
    opened(world, "2026-11-24 03:00")  # Monday evening: the business day before is Friday
    assert world.run("d/x", "2026-11-20")
    assert opened(world, "2026-11-27 03:00")["opened"] == 2  # Tuesday's and Wednesday's, none on the holiday


def test_a_product_with_several_times_a_day_has_a_run_for_each(world: World) -> None:
    world.load({"d/x": product(schedule=daily("06:00", "14:30"))}, LOADED)
    opened(world, "2026-11-20 15:00")

    assert [cycle for (cycle,) in world.sql("SELECT cycle FROM data_product_status ORDER BY cycle")] == ["0600", "1430"]
    assert "p-2026-11-20-1430-1" in [effect["name"] for effect in effects(world, "start_execution")]


def test_the_last_arrival_releases_the_run_and_answers_its_token(world: World) -> None:
    world.load({"raw/a": external(), "raw/b": external(), "d/x": product(["raw/a", "raw/b"])}, LOADED)
    opened(world)
    assert wait(world, "d/x")["released"] is False

    assert world.event("raw/a", TODAY, SIX)["released"] == 0
    assert world.event("raw/b", TODAY, SIX)["released"] == 1

    (effect,) = effects(world, "task_success")
    assert effect["task_token"] == "token"
    assert effect["output"] == {"decision": "start", "reason": "the last input arrived", "arrived": ["raw/a", "raw/b"]}


def test_an_arrival_before_the_machine_waits_is_found_when_it_does(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a")}, LOADED)
    opened(world)
    world.event("raw/a", TODAY, SIX)
    assert effects(world, "task_success") == []

    assert wait(world, "d/x")["released"] is True
    assert len(effects(world, "task_success")) == 1


def test_a_machine_that_waits_again_gets_its_new_token_answered(world: World) -> None:
    world.load({"d/x": product()}, LOADED)
    opened(world)
    wait(world, "d/x", "first")
    wait(world, "d/x", "second")

    assert [effect["task_token"] for effect in effects(world, "task_success")] == ["first", "second"]
    assert world.sql(
        "SELECT count(DISTINCT released_at) FROM data_product_status_history WHERE released_at IS NOT NULL"
    ) == [(1,)]


def test_an_event_that_comes_before_the_run_is_opened_counts(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a")}, LOADED)
    world.event("raw/a", TODAY, at("2026-11-20 05:00"))

    opened(world)
    assert world.released() == {("d/x", TODAY)}


def test_events_match_by_business_date_and_cycle(world: World) -> None:
    intraday = product(schedule=daily("05:00", "13:00"))
    conditions = {
        name: product({"all_of": [leaf("d/i", cycle=name.split("-")[1])]})
        for name in ("d/c-last", "d/c-any", "d/c-every", "d/c-0500")
    }
    world.load({"d/i": intraday, **conditions}, LOADED)
    opened(world)
    world.event("d/i", "2026-11-19", SIX, cycle="1300")
    assert world.released() & {(name, TODAY) for name in conditions} == set()

    world.event("d/i", TODAY, SIX, cycle="0500")
    assert {name for name, _ in world.released()} & conditions.keys() == {"d/c-any", "d/c-0500"}
    world.event("d/i", TODAY, SIX, cycle="1300")
    assert {name for name, _ in world.released()} & conditions.keys() == conditions.keys()


def test_conditions_nest_and_know_statuses_offsets_and_ages(world: World) -> None:
    tree = {"all_of": [leaf("raw/a"), {"any_of": [leaf("raw/b", status=["ERROR"]), leaf("raw/c", offset=-1)]}]}
    world.load(
        {
            "raw/a": external(),
            "raw/b": external(),
            "raw/c": external(),
            "d/x": product(tree),
            "d/y": product({"all_of": [leaf("raw/c", max_age=7 * 86400)]}),
        },
        LOADED,
    )
    world.event("raw/c", "2026-11-16", at("2026-11-16 06:00"))
    opened(world)
    assert world.released() == {("d/y", TODAY)}

    world.event("raw/a", TODAY, SIX)
    world.event("raw/b", TODAY, SIX)
    assert ("d/x", TODAY) not in world.released()
    world.event("raw/b", TODAY, SIX, status="ERROR")
    assert ("d/x", TODAY) in world.released()


def test_a_refresh_older_than_max_age_does_not_count(world: World) -> None:
    world.load({"raw/c": external(), "d/y": product({"all_of": [leaf("raw/c", max_age=86400)]})}, LOADED)
    world.event("raw/c", "2026-11-16", at("2026-11-16 06:00"))
    opened(world)

    assert world.released() == set()


def test_products_of_two_accounts_are_distinguished(world: World) -> None:
    world.load({"d/x": product({"all_of": [leaf("far/a", account="111122223333")]})}, LOADED)
    opened(world)
    world.event("far/a", TODAY, SIX, account="999999999999", event_key="foreign")
    assert world.released() == set()

    world.event("far/a", TODAY, SIX, account="111122223333")
    assert world.released() == {("d/x", TODAY)}


def test_without_a_schedule_the_first_event_opens_the_run(world: World) -> None:
    world.load({"raw/a": external(), "raw/b": external(), "d/x": product(["raw/a", "raw/b"], schedule=None)}, LOADED)

    world.event("raw/b", TODAY, SIX)
    assert world.run("d/x", TODAY)["released_at"] is None
    world.event("raw/a", TODAY, SIX)
    world.event("raw/a", TODAY, SIX, event_key="with another key")

    assert world.released() == {("d/x", TODAY)}
    assert world.sql("SELECT count(*) FROM data_product_status") == [(1,)]


def test_the_same_event_twice_changes_nothing(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a")}, LOADED)
    opened(world)

    assert world.event("raw/a", TODAY, SIX) == {"recorded": 1, "repeated": 0, "released": 1, "refused": []}
    before = world.sql("SELECT count(*) FROM data_product_status_history")
    assert world.event("raw/a", TODAY, SIX) == {"recorded": 0, "repeated": 1, "released": 0, "refused": []}
    assert world.sql("SELECT count(*) FROM data_product_status_history") == before


def test_the_deadline_names_what_is_missing_or_starts_or_skips(world: World) -> None:
    world.load({"raw/a": external(), "raw/b": external(), "d/x": product(["raw/a", "raw/b"])}, LOADED)
    opened(world)
    world.event("raw/b", TODAY, SIX)

    fail = world.state.resolve_deadline(uuid(world, "d/x"), 1, "fail", SIX)
    assert fail.decision == "fail"
    assert fail.missing == [
        {"product": "raw/a", "business_date": TODAY, "cycle": "*", "status": ["COMPLETED"], "owner": "ingestion"}
    ]
    assert world.state.resolve_deadline(uuid(world, "d/x"), 1, "skip", SIX).decision == "skip"
    assert world.state.resolve_deadline(uuid(world, "d/x"), 1, "start", SIX).decision == "start"
    assert world.run("d/x", TODAY)["release_reason"] == "the deadline passed: started with what had arrived"
    assert world.state.resolve_deadline(uuid(world, "d/x"), 1, "fail", SIX) == Deadline("start", None, None)


def test_the_configuration_is_resolved_for_the_run(world: World) -> None:
    world.load({"d/x": product()}, LOADED)
    opened(world)

    steps = world.state.begin_pipeline(uuid(world, "d/x"), 1, None, SIX)
    run = world.run("d/x", TODAY)["run_id"]
    arguments = {"--date": TODAY, "--run": f"{run}/1"}
    assert steps == {"build": {"type": "glue", "resource": "job-build", "arguments": arguments}}


@pytest.mark.parametrize("job_first", [True, False])
def test_a_jobs_end_and_its_token_find_each_other_in_either_order(world: World, job_first: bool) -> None:
    world.load({"d/x": product()}, LOADED)
    opened(world)
    run = uuid(world, "d/x")

    def start() -> None:
        world.state.record_job_start(run, 1, "build", "glue", "j", "jr_1", {}, "job token", SIX)

    def end() -> None:
        world.state.record_job_states(
            [{"job_run_id": "jr_1", "job": "j", "state": "FAILED", "message": "disk full"}], SIX
        )

    for each in (end, start) if job_first else (start, end):
        each()
    end()

    (effect,) = effects(world, "task_failure")
    assert effect == {"task_token": "job token", "error": "JobFailed", "cause": "j (jr_1) ended FAILED: disk full"}
    assert world.run("d/x", TODAY)["status"] == "PROCESSING"


def test_statuses_change_along_the_allowed_transitions_only(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product(), "d/y": product("raw/a")}, LOADED)
    opened(world)
    with pytest.raises(IllegalTransition, match="d/x for 2026-11-20 is WAITING, and cannot become COMPLETED"):
        world.state.record_outcome(uuid(world, "d/x"), 1, "COMPLETED", None, None, SIX, "machine")
    with pytest.raises(IllegalTransition, match="has not been released"):
        world.state.begin_pipeline(uuid(world, "d/y"), 1, None, SIX)
    refused = world.state.record_job_start(uuid(world, "d/y"), 1, "build", "glue", "j", "jr", {}, "t", SIX)
    assert refused.refused == f"IllegalTransition: d/y for {TODAY} is WAITING, so no job of it can start"
    complete(world, "d/x")
    for status in ("ERROR", "SKIPPED", "CANCELLED"):
        with pytest.raises(IllegalTransition):
            world.state.record_outcome(uuid(world, "d/x"), 1, status, None, None, SIX, "machine")
    with pytest.raises(IllegalTransition):
        wait(world, "d/x")
    with pytest.raises(StaleAttempt, match="is at attempt 1, not 2"):
        world.state.record_outcome(uuid(world, "d/x"), 2, "ERROR", None, None, SIX, "machine")
    with pytest.raises(UnknownRun):
        world.state.record_outcome(
            UUID("00000000-0000-0000-0000-000000000000"),
            1,
            "ERROR",
            None,
            None,
            SIX,
            "machine",
        )


def test_the_same_outcome_reported_again_gives_the_same_answer(world: World) -> None:
    world.load({"d/x": product()}, LOADED)
    opened(world)
    given = (uuid(world, "d/x"), 1, "ERROR", "JobFailed", "because")
    first = world.state.record_outcome(*given, SIX, "machine")
    second = world.state.record_outcome(*given, at("2026-11-20 07:00"), "machine")

    assert (first.recorded_at, first.repeated) == (SIX.isoformat(), False)
    assert (second.recorded_at, second.repeated) == (SIX.isoformat(), True)
    assert len(effects(world, "put_event")) == 1


def test_history_tells_every_change(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a")}, LOADED)
    opened(world)
    wait(world, "d/x")
    world.event("raw/a", TODAY, SIX)
    complete(world, "d/x")

    found = world.sql(
        "SELECT status, released_at IS NOT NULL, changed_by FROM data_product_status_history ORDER BY history_id"
    )
    assert found == [
        ("WAITING", False, "scheduler"),
        ("WAITING", False, "machine"),
        ("WAITING", True, "refresh event"),
        ("PROCESSING", True, "machine"),
        ("COMPLETED", True, "machine"),
    ]
    assert world.sql("SELECT status FROM data_product_dependencies_events_status_history ORDER BY history_id") == [
        ("WAITING",),
        ("ARRIVED",),
    ]


def test_loading_is_a_difference_and_keeps_history(world: World) -> None:
    first = {"raw/a": external(), "d/x": product("raw/a"), "d/y": product("raw/a")}
    nobody = {"opened": 0, "conditions": 0, "cancelled": 0, "refused": []}
    assert world.load(first, LOADED) == {"inserted": 3, "changed": 0, "removed": 0, "unchanged": 0, **nobody}
    opened(world)
    changed = {"raw/a": external(), "d/x": product(["raw/a", "d/z"]), "d/z": product("raw/a")}
    runs = {"opened": 0, "conditions": 1, "cancelled": 1, "refused": []}
    assert world.load(changed, SIX) == {"inserted": 1, "changed": 1, "removed": 1, "unchanged": 1, **runs}

    assert world.sql("SELECT active FROM data_product WHERE product_id = 'd/y'") == [(False,)]
    assert world.run("d/y", TODAY)["status"] == "CANCELLED"
    assert opened(world, "2026-11-21 06:00")["opened"] == 2
    assert world.sql(
        "SELECT inserted, changed, removed, unchanged FROM catalog_load ORDER BY load_id DESC LIMIT 1"
    ) == [(["d/z"], ["d/x"], ["d/y"], 1)]
    assert world.load(first, at("2026-11-21 00:00"))["inserted"] == 1, "what comes back is switched on again"


def test_loading_does_not_go_back_silently(world: World) -> None:
    world.load({"d/x": product()}, SIX)
    with pytest.raises(CatalogGoesBack, match="older than the loaded"):
        world.load({}, LOADED)
    assert world.sql("SELECT active FROM data_product") == [(True,)]


def test_sql_in_every_string_is_only_text(world: World) -> None:
    evil = "'); DROP TABLE data_product; --"
    world.load({"d/x": product(owner=evil, description=evil, notify=[{"on": [evil], "level": evil}])}, LOADED)
    world.event(evil, TODAY, SIX, event_key=evil, cycle=evil, run_id=evil, metadata={evil: evil})
    opened(world)
    world.state.record_outcome(uuid(world, "d/x"), 1, "ERROR", evil, evil, SIX, evil)

    assert world.run("d/x", TODAY)["cause"] == evil
    with pytest.raises(StateError):
        world.state.set_hold(evil, None, evil, True, evil, SIX)


def test_effects_are_handed_out_in_pages_that_fit_an_answer(world: World) -> None:
    """Hundreds at once in one page, and large ones in several: neither a response limit is met nor one effect left."""
    world.load({f"d/x{number}": product(name=f"x{number}") for number in range(300)}, LOADED)
    opened(world)
    claim = ("claim_effects", 500, SIX, timedelta(seconds=60))
    assert len(world.database.rows(*claim)) == 300
    world.sql("UPDATE effect SET claimed_until = NULL, payload = jsonb_build_object('text', repeat('x', 50000))")

    pages = [len(world.database.rows(*claim)) for _ in range(21)]
    assert sum(pages) == 300
    assert max(pages) == 15
