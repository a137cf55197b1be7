"""The condition of a run as a tree in the answer to `why`."""

from typing import Any

import pytest

import inquire
import runtime
from condition_tree import condition_tree
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.state_steps import DAY, LOADED, TODAY, opened
from tests.state_world import World, at, daily, external, leaf, product


@pytest.fixture
def waiting(world: World, aws: FakeAws, running: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """d/x waits for raw/a, for one of raw/b and raw/c, and for both cycles of raw/d. d/later has not been opened."""
    condition = {"all_of": [leaf("raw/a"), {"any_of": [leaf("raw/b"), leaf("raw/c")]}, leaf("raw/d", cycle="every")]}
    products = {
        "raw/a": external(), "raw/b": external(), "raw/c": external(), "raw/d": {**external(), "schedule": daily("02:00", "03:00")},
        "d/x": product(condition, name="x"), "d/later": product(["raw/a", "raw/b"], name="later", schedule="20:00"), "d/free": product(name="free"),
    }  # fmt: skip
    world.load(products, LOADED)
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 09:00"))
    world.event("raw/a", "2026-11-19", at("2026-11-19 05:00"))
    world.event("raw/b", "2026-11-19", at("2026-11-19 05:00"))
    opened(world)
    world.event("raw/a", TODAY, at("2026-11-20 06:10"), account="111122223333", attempt=2)
    world.event("raw/b", TODAY, at("2026-11-20 06:20"), status="SKIPPED")
    world.event("raw/d", TODAY, at("2026-11-20 06:30"), cycle="0200")
    return world


def tree(product: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = inquire.handler(
        {"question": "why", "product": product, "business_date": TODAY, **more}, None
    )["run"]["tree"]
    return found


def test_each_leaf_says_what_has_become_of_it(waiting: World) -> None:
    found = tree("d/x")
    assert found["state"] == "missing"
    arrived, either, cycles = found["all_of"]
    assert (arrived["product"], arrived["state"], arrived["at"]) == ("raw/a", "arrived", "2026-11-20T06:10:00+00:00")
    assert (arrived["event"]["account"], arrived["event"]["attempt"]) == ("111122223333", 2)
    assert [(each["product"], each["state"]) for each in either["any_of"]] == [
        ("raw/b", "impossible"),
        ("raw/c", "missing"),
    ]
    assert (either["any_of"][0]["event"]["status"], either["state"]) == ("SKIPPED", "missing")
    assert [(each["cycle"], each["state"]) for each in cycles["cycles"]] == [("0200", "arrived"), ("0300", "missing")]
    run = inquire.handler({"question": "why", "product": "d/x", "business_date": TODAY}, None)["run"]
    assert {each["product"]: each["leaf"] for each in [*run["arrived"], *run["missing"]]} == {
        "raw/a": 0,
        "raw/b": 1,
        "raw/c": 2,
        "raw/d": 3,
    }

    waiting.state.waive_input("d/x", DAY, "", "raw/d", "not needed", False, "ann", at("2026-11-20 07:00"))
    waiting.event("raw/c", TODAY, at("2026-11-20 07:10"))
    found = tree("d/x")
    assert (found["state"], found["all_of"][1]["state"]) == ("arrived", "arrived")
    waived = found["all_of"][2]["cycles"][1]
    assert (waived["state"], waived["by"], waived["reason"]) == ("waived", "ann", "not needed")


def test_a_run_that_is_not_opened_yet_has_the_tree_as_it_would_be(waiting: World) -> None:
    found = tree("d/later")
    assert [(each["product"], each["state"]) for each in found["all_of"]] == [
        ("raw/a", "arrived"),
        ("raw/b", "impossible"),
    ]
    assert "tree" not in inquire.handler({"question": "why", "product": "d/free", "business_date": TODAY}, None)["run"]


def test_a_run_that_was_released_by_another_condition_has_none(waiting: World) -> None:
    waiting.state.waive_input("d/x", DAY, "", "raw/d", "", False, "ann", at("2026-11-20 07:00"))
    waiting.event("raw/c", TODAY, at("2026-11-20 07:10"))
    mesh = {"raw/a": external(), "raw/b": external(), "d/x": product(["raw/a", "raw/b"], name="x")}
    waiting.load(mesh, at("2026-11-20 08:00"))
    assert "tree" not in inquire.handler({"question": "why", "product": "d/x", "business_date": TODAY}, None)["run"]


def test_the_command_prints_it(waiting: World, headgate: Headgate) -> None:
    code, printed = headgate("why", "d/x", "--date", TODAY, "--tree")
    assert code == 0
    assert printed.splitlines()[-8:-1] == [
        "all of: does not hold yet",
        "  raw/a for 2026-11-20: arrived at 06:10, attempt 2, of account 111122223333",
        "  one of: does not hold yet",
        "    raw/b for 2026-11-20: does not come: SKIPPED at 06:20",
        "    raw/c for 2026-11-20: missing",
        "  raw/d for 2026-11-20 0200: arrived at 06:30",
        "  raw/d for 2026-11-20 0300: missing",
    ]


def test_a_group_holds_as_its_members_do() -> None:
    def state(condition: Any, *states: str) -> str:
        inputs = [{"leaf": number, "product": "d/x", "state": each} for number, each in enumerate(states)]
        found = condition_tree(condition, inputs)
        return "" if found is None else str(found["state"])

    either, both = {"any_of": [0, 1]}, {"all_of": [0, 1]}
    assert state(None) == ""
    assert state(0, "waived") == "waived"
    assert (state(both, "arrived", "waived"), state(both, "arrived", "missing")) == ("arrived", "missing")
    assert (state(both, "missing", "impossible"), state(either, "missing", "impossible")) == ("impossible", "missing")
    assert (state(either, "impossible", "impossible"), state(either, "waived", "impossible")) == (
        "impossible",
        "arrived",
    )
    assert state({"all_of": [0, {"any_of": [1, 2]}]}, "arrived", "impossible", "arrived") == "arrived"
