"""One bad row affects one product: its neighbours are loaded and opened, and everybody sees what is wrong with it."""

import json

import pytest

from state.errors import UnknownProduct
from tests.state_steps import DAY, LOADED, SIX, TODAY, opened
from tests.state_world import World, at, daily, external, product
from tests.test_state_conditions import inputs

NOWHERE = daily("06:00", timezone="Nowhere/City")
REASON = 'the database does not know the time zone "Nowhere/City"'


def test_a_time_zone_that_the_database_does_not_know_is_refused_for_its_product_alone(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a"), "d/y": product("raw/a")}, LOADED)
    opened(world)
    loaded = world.load(
        {
            "d/x": product(schedule=NOWHERE, owner="others"),
            "d/y": product(owner="others"),
            "d/new": product(schedule=NOWHERE),
        },
        SIX,
    )

    assert loaded["refused"] == [{"product": "d/new", "reason": REASON}, {"product": "d/x", "reason": REASON}]
    assert (loaded["inserted"], loaded["changed"], loaded["removed"]) == (0, 1, 1)
    assert world.sql("SELECT product_id, owner, active FROM data_product WHERE domain = 'd' ORDER BY 1") == [
        ("d/x", "team", True),
        ("d/y", "others", True),
    ]
    assert inputs(world, "d/x") == [("raw/a", TODAY, "*", "WAITING")], "it stays as it was"
    assert opened(world, "2026-11-21 06:00")["opened"] == 2
    assert world.state.explain_run("d/x", DAY, None, SIX)["refused"] == REASON
    with pytest.raises(UnknownProduct, match=f"^d/new was not loaded, since {REASON}"):
        world.state.explain_run("d/new", DAY, None, SIX)
    assert world.load({"d/x": product(owner="others")}, at("2026-11-21 07:00"))["refused"] == []
    assert "refused" not in world.state.explain_run("d/x", DAY, None, SIX)


@pytest.mark.parametrize("bad", [1, 3])
def test_products_whose_rows_raise_do_not_keep_others_from_being_opened(world: World, bad: int) -> None:
    names = [f"d/x{number}" for number in range(9)]
    world.load({name: product(name=name.split("/")[1]) for name in names}, LOADED)
    world.sql("UPDATE data_product_schedule SET timezone = 'Nowhere/City' WHERE product_id = ANY (%s)", names[:bad])

    found = world.state.open_due_runs(SIX, "scheduler")

    assert (found.due, found.opened) == (9 - bad, 9 - bad)
    error = 'time zone "Nowhere/City" not recognized'
    assert found.failed == [{"product": name, "error": error} for name in names[:bad]]
    rows = {
        row["product"]: row
        for row in (json.loads(each.entry) for each in world.state.status_of_day(DAY, None, "", 100, SIX))
    }
    assert (rows["d/x0"]["status"], rows["d/x0"]["opening_error"]) == ("NOT OPENED", error)
    assert world.state.explain_run("d/x0", DAY, None, SIX)["opening_error"] == error

    world.sql("UPDATE data_product_schedule SET timezone = 'UTC'")
    again = world.state.open_due_runs(at("2026-11-20 07:00"), "scheduler")
    assert (again.opened, again.failed) == (bad, []), "what was not opened is made up for"
    assert world.sql("SELECT count(*) FROM data_product WHERE opening_error IS NOT NULL") == [(0,)]


def test_a_product_whose_rows_raise_keeps_no_event_from_others(world: World) -> None:
    mesh = {name: external() for name in ("raw/a", "raw/b")}
    mesh |= {f"d/x{number}": product(["raw/a", "raw/b"], schedule=None, name=f"x{number}") for number in range(3)}
    world.load({**mesh, "d/y": product("raw/a")}, LOADED)
    opened(world)
    world.sql(
        "UPDATE data_product_dependencies SET offset_days = -2147483647 WHERE product_id = 'd/x1' AND upstream = 'raw/b'"
    )

    assert world.event("raw/a", TODAY, SIX)["recorded"] == 1

    assert world.released() == {("d/y", TODAY)}
    assert world.sql("SELECT product_id FROM data_product_status WHERE product_id LIKE 'd/x%%' ORDER BY 1") == [
        ("d/x0",),
        ("d/x2",),
    ]
    assert world.state.explain_run("d/x1", DAY, None, SIX)["opening_error"] == "date out of range"
