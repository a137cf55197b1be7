"""One bad row affects one product: its neighbours are loaded and opened, and everybody sees what is wrong with it."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

import runtime
from state.catalog import restrict_to_account
from state.errors import UnknownProduct
from tests.fake_aws import FakeAws
from tests.handler_steps import invoke, sample
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


def test_a_row_that_cannot_be_read_is_replaced_by_the_next_load(world: World) -> None:
    world.load({"d/x": product()}, LOADED)
    world.sql("UPDATE data_product_schedule SET timezone = 'Nowhere/City'")
    world.state.open_due_runs(SIX, "scheduler")
    assert world.load({"d/x": product(schedule="06:30")}, SIX)["changed"] == 1
    assert opened(world, "2026-11-20 06:30")["opened"] == 1


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


def test_functions_report_what_they_could_not_load_or_open(
    world: World, aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtime, "now", lambda: SIX)
    catalog = tmp_path / "catalog.json"
    products = {"d/x": product(schedule=NOWHERE), "d/y": product(), "d/z": product(name="z")}
    catalog.write_text(json.dumps({"version": 1, "domains": {}, "calendars": {}, "products": products}))
    event = sample("metadata_loader")
    event["ResourceProperties"] |= {"Catalog": str(catalog), "CommittedAt": ""}
    with caplog.at_level(logging.INFO, "headgate"):
        answer = invoke("metadata_loader", event)
        assert (answer["Status"], answer["Data"]["inserted"], answer["Data"]["refused"]) == ("SUCCESS", 2, ["d/x"])
        world.sql(
            "UPDATE data_product_schedule SET timezone = 'Nowhere/City', opened_until = %s WHERE product_id = 'd/y'",
            LOADED,
        )
        assert invoke("scheduler", sample("scheduler"))["failed"][0]["product"] == "d/y"
    lines = [json.loads(record.message) for record in caplog.records if record.levelno >= logging.ERROR]
    assert lines == [
        {"not_loaded": "d/x", "reason": REASON},
        {"not_opened": "d/y", "reason": 'time zone "Nowhere/City" not recognized'},
    ]


def test_a_product_of_another_account_says_where_it_runs() -> None:
    content: dict[str, Any] = {
        "domains": {"d": {"account": "222233334444", "region": "eu-west-1"}, "raw": {"account": "222233334444"}},
        "products": {"d/x": product(), "raw/a": external()},
    }
    there = restrict_to_account(content, "111111111111", "us-east-1")["products"]
    assert there["d/x"]["runs_in"] == "account 222233334444 (eu-west-1)"
    assert "machine" not in there["d/x"]
    assert there["raw/a"] == external(), "it has no pipeline anywhere"
    assert restrict_to_account(content, "222233334444", "eu-west-1")["products"] == content["products"]
