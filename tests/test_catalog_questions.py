"""The questions `mesh` and `search`, and `headgate catalog`."""

from typing import Any

import pytest

import inquire
import runtime
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.state_steps import LOADED
from tests.state_world import World, at, daily, external, leaf, product, step


@pytest.fixture
def catalog(world: World, aws: FakeAws, running: None, monkeypatch: pytest.MonkeyPatch) -> World:
    condition = {"all_of": [leaf("raw/orders"), {"any_of": [leaf("raw/rates"), leaf("other/far")]}]}
    job = {"timeout": None, "steps": [{**step("load"), "resource": "nightly-Ledger_load"}]}
    products = {
        "raw/orders": {**external(), "description": "Orders of all shops", "email": "raw@example.com", "account": "111122223333"},
        "raw/rates": external(),
        "sales/orders-by-shop": product("raw/orders", name="orders", owner="Shop team", sla={"complete_by": "09:00", "timezone": "UTC"}),
        "sales/ledger": product(condition, name="ledger", description="Every orders booking, 100%", pipeline=job),
        "shop/reorders": product(["sales/ledger", "sales/ledger"], name="reorders", schedule=None),
    }  # fmt: skip
    world.load(products, LOADED)
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 09:00"))
    return world


def asked(question: str, **more: Any) -> dict[str, Any]:
    return inquire.handler({"question": question, **more}, None)


def test_the_mesh_has_products_and_numbered_dependencies(catalog: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked("mesh")
    columns = found["products"]["columns"]
    names = columns["product"]["values"]
    assert names == ["raw/orders", "raw/rates", "sales/ledger", "sales/orders-by-shop", "shop/reorders"]
    assert found["others"] == ["other/far"]
    assert columns["account"] == {"at": [0], "values": ["111122223333"]}
    assert columns["sla"] == {"at": [3], "values": ["by 09:00 UTC"]}
    assert columns["schedule"]["at"] == [2, 3]
    assert columns["pipeline"]["values"] == [None, None, True, True, True]
    edges = found["dependencies"]
    every = [*names, *found["others"]]
    assert [(every[end], every[start], leaf) for end, start, leaf in zip(edges["to"], edges["from"], edges["leaf"], strict=True)] == [
        ("sales/ledger", "raw/orders", 0), ("sales/ledger", "raw/rates", 1), ("sales/ledger", "other/far", 2), ("sales/orders-by-shop", "raw/orders", 0),
        ("shop/reorders", "sales/ledger", 0), ("shop/reorders", "sales/ledger", 1),
    ]  # fmt: skip
    assert edges["any"] == [1, 2]
    monkeypatch.setattr(inquire, "PAGE", 2)
    assert asked("mesh") == found


def test_who_has_the_mesh_is_told_that_nothing_has_changed(catalog: World) -> None:
    first = asked("mesh")
    again = asked("mesh", digest=first["digest"])
    assert again == {
        key: first[key] for key in ("question", "asked_at", "digest", "commit", "committed_at", "loaded_at")
    } | {"unchanged": True}
    catalog.load({"raw/orders": external()}, at("2026-11-20 10:00"))
    later = asked("mesh", digest=first["digest"])
    assert (later["products"]["rows"], later["digest"] == first["digest"]) == (1, False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("orders", ["raw/orders", "sales/orders-by-shop", "shop/reorders", "sales/ledger"]),
        ("ORDERS shop", ["sales/orders-by-shop", "shop/reorders", "raw/orders"]),
        ("sales/ord", ["sales/orders-by-shop"]),
        ("ledger_load", ["sales/ledger"]),
        ("100%", ["sales/ledger"]),
        ("%", ["sales/ledger"]),
        ("o_ders", []),
        ("shop team", ["sales/orders-by-shop", "shop/reorders"]),
        ("ingest", ["raw/orders", "raw/rates"]),
        ("nowhere", []),
    ],
)
def test_a_search_gives_what_fits_best_first(catalog: World, words: str, expected: list[str]) -> None:
    assert [each["product"] for each in asked("search", words=words)["products"]] == expected


def test_a_search_says_that_there_is_more(catalog: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import mesh

    everything = asked("search", words="orders")
    assert (everything["more"], everything["products"][3]["jobs"]) == (False, "nightly-Ledger_load")
    monkeypatch.setattr(mesh, "FOUND", 2)
    some = asked("search", words="orders")
    assert (some["products"], some["more"]) == (everything["products"][:2], True)
    first = catalog.state.search_products(["orders"], "", 2)
    assert catalog.state.search_products(["orders"], first[-1].key, 2)[0].entry != first[-1].entry


def test_a_product_that_is_removed_is_not_found(catalog: World) -> None:
    catalog.load({"raw/orders": external()}, at("2026-11-20 10:00"))
    assert [each["product"] for each in asked("search", words="orders")["products"]] == ["raw/orders"]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (daily("06:00"), "daily at 06:00 UTC"),
        (
            daily("06:00", "14:30", calendar="banks", date_offset=-1),
            "daily at 06:00, 14:30 UTC, business days of banks, for 1 day before",
        ),
        (daily(*(f"{hour:02}:00" for hour in range(24))), "daily at 00:00 to 23:00, 24 times UTC"),
        ({"month_days": [], "week_days": [2, 3, 4, 5, 6]}, "on weekdays at 06:00 UTC"),
        ({"month_days": [], "week_days": [2, 5]}, "on MON, THU at 06:00 UTC"),
        ({"month_days": [1, 15]}, "on day 1, 15 of the month at 06:00 UTC"),
        ({"month_days": [], "last_days": [0]}, "on the last day of the month at 06:00 UTC"),
        ({"month_days": [], "nth_week_days": ["3#2"]}, "cron x, at 06:00 UTC"),
        ({"months": [1]}, "cron x, at 06:00 UTC"),
    ],
)
def test_schedules_in_words(world: World, schedule: dict[str, Any], expected: str) -> None:
    whole = schedule if "fires" in schedule else {**daily("06:00"), "fires": {**daily("06:00")["fires"], **schedule}}
    world.load({"d/x": product(name="x", schedule=whole)}, LOADED, {"banks": {"weekend": [6, 7], "dates": []}})
    assert world.sql("SELECT schedule_in_words(s) FROM data_product_schedule s") == [(expected,)]


def test_the_command_lists_and_searches(catalog: World, headgate: Headgate) -> None:
    code, printed = headgate("catalog")
    lines = printed.splitlines()
    assert (code, lines[0].split(), lines[-1]) == (
        0,
        ["product", "owner", "schedule", "SLA", "used", "by", "description"],
        "5 products of commit abc",
    )
    assert lines[3].split() == [
        "sales/ledger",
        "team",
        "daily",
        "at",
        "06:00",
        "UTC",
        "1",
        "Every",
        "orders",
        "booking,",
        "100%",
    ]
    assert [line.split()[0] for line in headgate("catalog", "orders", "--domain", "sales")[1].splitlines()[1:]] == [
        "sales/orders-by-shop",
        "sales/ledger",
    ]
    assert headgate("catalog", "--owner", "Shop team")[1].splitlines()[-1] == "1 product of commit abc"
    assert headgate("catalog", "nowhere")[1] == "no product fits\n"
    assert headgate("catalog", *"abcdefghi")[0] == 2
