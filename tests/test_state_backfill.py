"""Backfills that open a limited number of runs at once and go on as these end."""

from datetime import date, timedelta
from typing import Any

import pytest

import runtime
from state.errors import IllegalTransition
from tests.fake_aws import FakeAws
from tests.handler_steps import invoke
from tests.state_steps import LOADED, SIX
from tests.state_world import World, at, external, product

FIRST = date.fromisoformat("2026-11-01")
DAYS = [str(FIRST + timedelta(days=n)) for n in range(3)]
MESH = {
    "raw/a": external(),
    "d/b": product("d/a", name="b"),
    "d/a": product("raw/a", name="a"),
    "d/after": product("d/b", name="after", schedule=None),
}
REQUEST = {
    "action": "backfill",
    "domain": "d",
    "business_date": DAYS[0],
    "until": DAYS[-1],
    "at_once": 2,
    "actor": "ann",
}


@pytest.fixture
def mesh(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(runtime, "now", lambda: SIX)
    world.load(MESH, LOADED)
    for day in DAYS:
        world.event("raw/a", day, at(f"{day} 05:00"))
    return world


def runs(world: World) -> list[tuple[str, str]]:
    found = world.sql(
        "SELECT product_id, business_date FROM data_product_status ORDER BY opened_at, business_date, product_id"
    )
    return [(name, str(day)) for name, day in found]


def finish(world: World, name: str, day: str, status: str = "COMPLETED") -> None:
    """The run ends as its machine reports it."""
    run = world.run(name, day)["run_id"]
    world.event(name, day, SIX, run_id=str(run), attempt=1, status=status)
    if status == "COMPLETED":
        world.state.begin_pipeline(run, 1, None, SIX)
    invoke("outcome_recorder", {"run_id": str(run), "attempt": 1, "status": status})


def progress(world: World) -> dict[str, Any]:
    latest: dict[str, Any] = invoke("inquire", {"question": "backfills"})["backfills"][0]
    return latest


def test_a_backfill_opens_a_few_runs_and_the_others_as_these_end(mesh: World, aws: FakeAws) -> None:
    answer = invoke("operate", REQUEST)

    assert (answer["opened"], answer["planned"], answer["existing"]) == (2, 4, 0)
    assert runs(mesh) == [("d/a", DAYS[0]), ("d/b", DAYS[0])], "what others need comes first"
    assert len(aws.executions) == 2
    assert progress(mesh)["statuses"] == {"WAITING": 2, "PLANNED": 4}

    finish(mesh, "d/a", DAYS[0])
    assert ("d/a", DAYS[1]) in runs(mesh), "at the end of a run, and not at the next tick"
    assert len(aws.executions) == 3
    for name, day in (("d/b", DAYS[0]), ("d/a", DAYS[1]), ("d/b", DAYS[1]), ("d/a", DAYS[2]), ("d/b", DAYS[2])):
        unfinished = mesh.sql(
            "SELECT count(*) FROM data_product_status WHERE status IN ('WAITING', 'PROCESSING') AND product_id <> 'd/after'"
        )
        assert unfinished <= [(2,)]
        assert "ended_at" not in progress(mesh)
        finish(mesh, name, day)

    done = progress(mesh)
    assert (done["statuses"], "ended_at" in done) == ({"COMPLETED": 6}, True)


def test_a_backfill_goes_on_after_a_crash(mesh: World, aws: FakeAws) -> None:
    """Whoever recorded the end died before anything else; the next tick of the scheduler goes on."""
    invoke("operate", REQUEST)
    run = mesh.run("d/a", DAYS[0])["run_id"]
    mesh.state.record_outcome(run, 1, "ERROR", "JobFailed", None, SIX, "machine")
    assert len(runs(mesh)) == 2
    invoke("scheduler", {})
    invoke("scheduler", {})
    assert [each for each in runs(mesh) if each[1] == DAYS[1]] == [("d/a", DAYS[1])], "once"


def test_a_backfill_that_is_stopped_opens_no_more(mesh: World, aws: FakeAws) -> None:
    number = invoke("operate", REQUEST)["backfill"]

    stopped = invoke("operate", {"action": "backfill", "stop": number, "actor": "bob"})

    assert stopped == {"backfill": number, "unfinished": 2, "left": 4}
    finish(mesh, "d/a", DAYS[0])
    invoke("scheduler", {})
    assert len([each for each in runs(mesh) if each[0] in ("d/a", "d/b") and each[1] in DAYS]) == 2
    assert progress(mesh)["stopped_by"] == "bob"
    with pytest.raises(IllegalTransition, match=f"backfill {number} ended 2026-11-20 06:00Z"):
        invoke("operate", {"action": "backfill", "stop": number, "actor": "bob"})
    with pytest.raises(IllegalTransition, match="there is no backfill 77"):
        invoke("operate", {"action": "backfill", "stop": 77, "actor": "bob"})


def test_runs_that_exist_are_left_alone_and_the_same_backfill_twice_opens_nothing(mesh: World, aws: FakeAws) -> None:
    invoke("operate", {**REQUEST, "until": DAYS[0]})
    again = invoke("operate", {**REQUEST, "until": DAYS[0]})
    assert (again["opened"], again["existing"], again["backfill"]) == (0, 2, None)
    assert len(invoke("inquire", {"question": "backfills"})["backfills"]) == 1


def test_products_that_events_open_are_opened_for_the_dates_that_events_name(mesh: World, aws: FakeAws) -> None:
    """As on the day a product without a schedule joins: what it would have been opened by came before it."""
    mesh.event("d/b", DAYS[1], at(f"{DAYS[1]} 07:00"))
    mesh.sql("DELETE FROM data_product_dependencies_events_status")
    mesh.sql("DELETE FROM effect")
    mesh.sql("DELETE FROM data_product_status")
    answer = invoke("operate", {**REQUEST, "at_once": 100})
    assert answer["opened"] == 7
    assert [day for name, day in runs(mesh) if name == "d/after"] == [DAYS[1]]


def test_a_preview_of_a_backfill_opens_nothing(mesh: World, aws: FakeAws) -> None:
    preview = invoke("operate", {**REQUEST, "preview": True})
    assert (runs(mesh), invoke("inquire", {"question": "backfills"})["backfills"]) == ([], [])
    assert (preview["opened"], preview["planned"], len(preview["runs"])) == (2, 4, 2)
    assert invoke("operate", {**REQUEST, "expect": preview["digest"]})["opened"] == 2


def test_a_product_that_goes_meanwhile_does_not_hold_up_the_others(mesh: World, aws: FakeAws) -> None:
    invoke("operate", {**REQUEST, "at_once": 1})
    mesh.load({name: each for name, each in MESH.items() if name not in ("d/b", "d/after")}, SIX)
    finish(mesh, "d/a", DAYS[0])
    invoke("scheduler", {})
    assert ("d/a", DAYS[1]) in runs(mesh)
