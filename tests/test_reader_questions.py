"""Questions of whoever may only read: what an operation would change, of which date each product is there, the history of a large day, the last ticks."""

import json
import re
from typing import Any

import pytest

import inquire
import runtime
from state.errors import BadEvent, IllegalTransition, UnknownProduct
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.handler_steps import ROOT, invoke, sample
from tests.state_steps import LOADED, TODAY, complete, ends, opened, wait
from tests.state_world import World, at, external, product

NOW = at("2026-11-20 09:00")
TABLES = (
    "data_product_status",
    "data_product_dependencies_events_status",
    "effect",
    "job_run",
    "data_product",
    "alert_mute",
    "backfill",
    "landing_file",
)


@pytest.fixture
def mesh(world: World, aws: FakeAws, running: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """At nine raw/in is there, d1/a has used it, d1/b failed, d1/c waits for raw/other."""
    world.load(
        {
            "raw/in": external(), "raw/other": external(), "d1/a": product("raw/in", name="a"), "d1/b": product("raw/in", name="b"),
            "d1/c": product(["d1/a", "raw/other"], name="c"),
        },
        LOADED,
    )  # fmt: skip
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    opened(world)
    world.event("raw/in", TODAY, at("2026-11-20 06:10"))
    for name in ("d1/a", "d1/b"):
        wait(world, name, now="2026-11-20 06:11")
    complete(world, "d1/a", now="2026-11-20 07:00")
    ends(world, "d1/b", "ERROR", at("2026-11-20 07:30"), error="JobFailed")
    return world


def asked(**question: Any) -> dict[str, Any]:
    answer: dict[str, Any] = invoke("inquire", question)
    return answer


def everything(world: World) -> dict[str, list[Any]]:
    return {name: sorted(map(str, world.sql(f"SELECT * FROM {name}"))) for name in TABLES}


OPERATIONS = [
    {"action": "rerun", "product": "d1/b", "business_date": TODAY},
    {"action": "rerun", "product": "d1/a", "business_date": TODAY, "downstream": True},
    {"action": "hold", "product": "d1/c"},
    {"action": "hold", "product": "d1/c", "business_date": TODAY},
    {"action": "skip", "product": "d1/c", "business_date": TODAY},
    {"action": "cancel", "product": "d1/c", "business_date": TODAY, "reason": "not needed"},
    {"action": "waive", "product": "d1/c", "business_date": TODAY, "input": "raw/other", "reason": "a holiday"},
    {"action": "backfill", "product": "d1/a", "business_date": "2026-11-18", "until": "2026-11-19"},
    {"action": "mute", "product": "d1/c", "muted_until": "2026-11-20T12:00:00Z", "reason": "we move"},
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each["action"])
def test_who_may_only_read_sees_what_an_operation_would_change(mesh: World, operation: dict[str, Any]) -> None:
    """The answer is what an operator gets, its digest can be confirmed, and nothing has been changed."""
    before = everything(mesh)
    found = asked(question="preview", operation=operation)
    assert everything(mesh) == before
    of_operator = invoke("operate", {**operation, "actor": "ann", "preview": True})
    assert {key: value for key, value in found.items() if key not in ("question", "asked_at")} == of_operator
    invoke("operate", {**operation, "actor": "ann", "expect": found["digest"]})
    assert everything(mesh) != before


def test_a_preview_is_refused_as_the_operation_is(mesh: World) -> None:
    with pytest.raises(IllegalTransition, match="d1/a"):
        asked(question="preview", operation={"action": "skip", "product": "d1/a", "business_date": TODAY})
    with pytest.raises(UnknownProduct):
        asked(question="preview", operation={"action": "hold", "product": "d1/none"})
    with pytest.raises(BadEvent, match="/reason"):
        asked(
            question="preview",
            operation={"action": "waive", "product": "d1/c", "business_date": TODAY, "input": "raw/other"},
        )
    with pytest.raises(BadEvent, match="/operation is missing"):
        asked(question="preview")


@pytest.mark.parametrize("action", ["retry", "redrive"])
def test_what_cannot_be_taken_back_has_no_preview(mesh: World, action: str) -> None:
    """Whoever asks for the preview of a retry must not cause one."""
    with pytest.raises(BadEvent, match="has no /preview"):
        asked(question="preview", operation={"action": action, "all": True})
    with pytest.raises(BadEvent, match="has no /preview"):
        invoke("operate", {"action": action, "all": True, "actor": "ann", "preview": True})


def test_freshness_is_the_latest_date_that_is_there(
    mesh: World, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked(question="freshness")
    assert found["products"] == [
        {"product": "d1/a", "business_date": TODAY, "refreshed_at": "2026-11-20T07:00:00+00:00"},
        {"product": "d1/b"},
        {"product": "d1/c"},
        {"product": "raw/in", "business_date": TODAY, "refreshed_at": "2026-11-20T06:10:00+00:00"},
        {"product": "raw/other"},
    ]  # fmt: skip
    mesh.event("raw/in", "2026-11-21", at("2026-11-20 08:00"), status="ERROR")
    assert asked(question="freshness")["products"] == found["products"], "what failed is not there"
    assert [each["product"] for each in asked(question="freshness", domain="raw")["products"]] == [
        "raw/in",
        "raw/other",
    ]
    monkeypatch.setattr(inquire, "PAGE", 2)
    assert asked(question="freshness")["products"] == found["products"]
    columns = asked(question="freshness", columns=True)["products"]["columns"]
    assert columns["refreshed_at"] == {"at": [0, 3], "values": [25200, 22200]}

    code, printed = headgate("catalog", "--freshness", "--domain", "d1")
    assert (code, [line.split()[:4] for line in printed.splitlines()[1:3]]) == (
        0, [["d1/a", "team", TODAY, "Nov"], ["d1/b", "team", "never", "refreshed"]],
    )  # fmt: skip
    assert json.loads(headgate("catalog", "--freshness", "--json")[1])["products"] == found["products"]


def test_the_history_of_a_day_is_whole_in_parts(
    mesh: World, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = asked(question="history", business_date=TODAY)
    assert ("before" in whole, whole["more"]) == (False, False)
    monkeypatch.setattr(inquire, "PAGE", 2)
    monkeypatch.setattr(inquire, "MOST", 3)

    latest = asked(question="history", business_date=TODAY)
    assert (latest["more"], latest["entries"]) == (True, whole["entries"][-len(latest["entries"]) :])
    parts, answer = [latest["entries"]], latest
    while answer["more"]:
        answer = asked(question="history", business_date=TODAY, before=answer["before"])
        parts.insert(0, answer["entries"])
    assert [each for part in parts for each in part] == whole["entries"]
    assert len(parts) > 3

    assert json.loads(headgate("history", "--date", TODAY, "--json")[1])["entries"] == whole["entries"]
    with pytest.raises(BadEvent, match="/before is x"):
        asked(question="history", before="x")


def test_health_says_when_the_scheduler_and_the_monitor_were_called(
    mesh: World, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(question="health")["ticks"] == {}
    assert "last called" not in headgate("health")[1]
    invoke("scheduler", sample("scheduler"))
    invoke("monitor", sample("monitor"))
    moment = NOW.isoformat()
    assert asked(question="health")["ticks"] == {"scheduler": moment, "monitor": moment}
    mesh.state.record_tick("monitor", at("2026-11-20 08:00"))
    assert asked(question="health")["ticks"]["monitor"] == moment, "of two at once the later stays"
    assert "The scheduler was last called at 09:00; the monitor was last called at 09:00." in headgate("health")[1]
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-21 11:00"))
    code, printed = headgate("health")
    assert (code, "more than 25 hours ago: is its schedule enabled?" in printed) == (1, True)


def test_every_question_can_be_asked_on_the_command_line() -> None:
    """A preview by `--dry-run` of its operation, what a product is by `headgate event`."""
    questions = json.loads((ROOT / "events" / "schemas" / "inquire.schema.json").read_text("utf-8"))["properties"][
        "question"
    ]["enum"]
    commands = "\n".join(path.read_text("utf-8") for path in (ROOT / "cli").rglob("*.py"))
    asked_by_commands = set(re.findall(r'inquire\(\s*arguments,\s*"(\w+)"|"question": "(\w+)"', commands))
    assert set(questions) - {name for pair in asked_by_commands for name in pair} == {"preview"}
