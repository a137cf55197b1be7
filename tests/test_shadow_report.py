"""The question `shadow` and `headgate shadow`: a day of an existing scheduler that is early, late, right and not there at all."""

import json
from typing import Any

import pytest

import inquire
import runtime
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.golden import FOLDER, expect
from tests.handler_steps import TODAY, invoke, queue, refreshed
from tests.shadow_steps import enter, ran, report, watched
from tests.state_world import World, at, external, step

INPUTS = {"early": "raw/b", "late": "raw/a", "right": "raw/a", "absent": "raw/a", "undecided": "raw/never"}


@pytest.fixture
def day(world: World, aws: FakeAws, running: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """raw/a comes at 6:20, raw/b at 6:40 and had come yesterday, raw/never does not come."""
    moment = {"now": at(f"{TODAY} 00:00")}
    monkeypatch.setattr(runtime, "now", lambda: moment["now"])
    monkeypatch.setenv("SHADOW", "true")

    def came(name: str, when: str, date: str = TODAY) -> None:
        moment["now"] = at(when)
        invoke("refresh_events", queue(refreshed(name, business_date=date, refreshed_at=at(when).isoformat())))

    enter(world)
    products = {f"d1/{name}": watched(name, need) for name, need in INPUTS.items()}
    world.load({**{need: external() for need in INPUTS.values()}, **products}, at(f"{TODAY} 00:00"))
    came("raw/b", "2026-11-19 06:30", "2026-11-19")
    moment["now"] = at(f"{TODAY} 06:00")
    invoke("scheduler", {})
    report(ran(aws, "job-early", "06:05", "06:15"))
    came("raw/a", f"{TODAY} 06:20")
    report(ran(aws, "job-right", "06:22", "06:30"))
    came("raw/b", f"{TODAY} 06:40")
    report(ran(aws, "job-undecided", "06:50", "07:00"))
    report(ran(aws, "job-late", "08:00", "08:15"))
    moment["now"] = at("2026-11-21 07:00")
    invoke("monitor", {})
    return world


def asked(**question: Any) -> dict[str, Any]:
    answer: dict[str, Any] = invoke("inquire", {"question": "shadow", "business_date": TODAY, **question})
    return answer


def test_each_product_says_how_it_differs(day: World) -> None:
    rows = {each["product"]: each for each in asked()["products"]}
    assert {name: each["difference"] for name, each in rows.items()} == {
        "d1/early": "without_inputs", "d1/late": "later", "d1/right": "same", "d1/absent": "not_started", "d1/undecided": "not_decided",
    }  # fmt: skip
    assert rows["d1/early"]["inputs"] == [
        {
            "product": "raw/b", "business_date": TODAY, "came_at": "2026-11-20T06:40:00+00:00",
            "had": {"business_date": "2026-11-19", "refreshed_at": "2026-11-19T06:30:00+00:00"},
        }
    ]  # fmt: skip
    assert (rows["d1/early"]["seconds"], rows["d1/late"]["seconds"]) == (-35 * 60, 100 * 60)
    assert rows["d1/undecided"]["inputs"] == [{"product": "raw/never", "business_date": TODAY}]


def test_the_day_as_a_whole(day: World) -> None:
    assert asked()["days"] == [
        {
            "business_date": TODAY, "products": 5, "waited_seconds": 6000,
            "differences": {"without_inputs": 1, "later": 1, "same": 1, "not_started": 1, "not_decided": 1},
        }
    ]  # fmt: skip


def test_pages_give_each_product_once(day: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = asked(business_date="2026-11-01", until="2026-11-30")
    assert len(whole["products"]) == 5
    monkeypatch.setattr(inquire, "PAGE", 2)
    assert asked(business_date="2026-11-01", until="2026-11-30") == whole
    assert asked(domain="d2")["products"] == []


def test_what_counts_as_the_same_can_be_said(day: World) -> None:
    rows = {each["product"]: each["difference"] for each in asked(tolerance=0)["products"]}
    assert rows["d1/right"] == "later"
    rows = {each["product"]: each["difference"] for each in asked(tolerance=86400)["products"]}
    assert (rows["d1/late"], rows["d1/early"]) == ("same", "without_inputs")


def test_a_start_before_the_opening_with_all_inputs_is_earlier(
    world: World, aws: FakeAws, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 06:00"))
    monkeypatch.setenv("SHADOW", "true")
    enter(world)
    world.load({"raw/a": external(), "d1/x": watched("x", "raw/a")}, at(f"{TODAY} 00:00"))
    world.event("raw/a", TODAY, at(f"{TODAY} 04:00"))
    report(ran(aws, "job-x", "05:00", "05:10"))
    invoke("scheduler", {})
    (row,) = asked()["products"]
    assert (row["difference"], row["seconds"]) == ("earlier", -3600)


def test_any_of_its_inputs_is_enough_where_the_condition_says_so(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 06:30"))
    monkeypatch.setenv("SHADOW", "true")
    enter(world)
    either = {
        "any_of": [
            {"product": each, "status": ["COMPLETED"], "offset": 0, "cycle": "last"} for each in ("raw/a", "raw/b")
        ]
    }
    world.load({"raw/a": external(), "raw/b": external(), "d1/x": watched("x", either)}, at(f"{TODAY} 00:00"))
    world.state.open_due_runs(at(f"{TODAY} 06:00"), "scheduler")
    world.event("raw/a", TODAY, at(f"{TODAY} 06:05"))
    report(ran(aws, "job-x", "06:06", "06:10"))
    (row,) = asked()["products"]
    assert (row["difference"], "inputs" in row) == ("same", False)


def test_what_people_read_in_the_morning(
    day: World, aws: FakeAws, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = {"timeout": None, "steps": [{**step("load", {"--table": "x"}), "resource": "loader"}]}
    http = {"timeout": None, "steps": [{**step("call"), "type": "http"}]}
    products = {f"d1/{name}": watched(name, need) for name, need in INPUTS.items()}
    more = {
        "d2/x": watched("x", "raw/never") | {"pipeline": shared},
        "d2/y": watched("y", "raw/never") | {"pipeline": shared},
        "d2/z": watched("z", "raw/never") | {"pipeline": http},
    }
    day.load({**{need: external() for need in INPUTS.values()}, **products, **more}, at("2026-11-20 00:00"))
    end = ran(aws, "loader", "09:00", "09:10", arguments={"--table": "x"})
    report(end)
    code, printed = headgate("shadow", TODAY)
    assert code == 0
    expect(FOLDER / "messages/shadow.txt", printed.replace(end["detail"]["jobRunId"], "jr_1").encode())


def test_a_date_without_anything_and_arguments_that_cannot_be(day: World, headgate: Headgate) -> None:
    assert headgate("shadow", "2026-01-01") == (
        0, "in shadow since Nov 20 00:00 UTC: nothing is started\nnothing was decided in shadow for this date\n"
    )  # fmt: skip
    assert "name its first business date" in headgate("shadow", "--until", TODAY)[1]
    assert headgate("shadow", TODAY, "--until", "2026-11-01")[0] == 2


def test_the_answer_for_programs(day: World, headgate: Headgate) -> None:
    code, printed = headgate("shadow", TODAY, "--json")
    answer = json.loads(printed)
    assert (code, answer["mode"]) == (0, {"shadow": True, "since": "2026-11-20T00:00:00+00:00"})
    assert len(answer["products"]) == 5


def test_why_says_that_the_run_is_in_shadow(day: World, headgate: Headgate) -> None:
    printed = headgate("why", "d1/absent", "--date", TODAY)[1]
    assert "It is in shadow: Headgate decides, and the existing scheduler does the work." in printed
    assert (
        "Headgate would have started it at 06:20 (the last input arrived). The existing scheduler was not seen to start it."
        in printed
    )
    done = headgate("why", "d1/right", "--date", TODAY)[1]
    assert "d1/right for 2026-11-20 is COMPLETED." in done


def test_the_status_says_that_the_application_is_in_shadow(day: World, headgate: Headgate) -> None:
    answer: dict[str, Any] = invoke("inquire", {"question": "status"})
    assert answer["shadow"] == [{"since": "2026-11-20T00:00:00+00:00"}]
    code, said = headgate("status", "--date", TODAY)
    assert (code, said.splitlines()[1]) == (0, "in shadow since 00:00 UTC: nothing is started")
    day.state.set_mode(False, True, "deployment", at("2026-11-21 08:00"))
    assert "shadow" not in invoke("inquire", {"question": "status"})


def test_a_preview_in_shadow_asks_aws_for_nothing(day: World) -> None:
    operation = {"action": "rerun", "product": "d1/right", "business_date": TODAY}
    answer: dict[str, Any] = invoke("inquire", {"question": "preview", "operation": operation})
    assert [each["product"] for each in answer["runs"]] == ["d1/right"]
    assert answer["effects"] == []
