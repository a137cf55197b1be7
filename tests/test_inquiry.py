"""Questions to the state, on real PostgreSQL: status, why, history."""

import json
from datetime import UTC, date
from typing import Any

import pytest

import inquire
import operate
import runtime
from headgate.cli import attention, explain, formatting, status_rows
from headgate.cli.terminal import columns
from state.errors import BadEvent, IllegalTransition, UnknownProduct
from tests.fake_aws import FakeAws
from tests.golden import FOLDER, expect
from tests.state_steps import DAY, LOADED, TODAY, complete, opened, wait
from tests.state_world import World, at, daily, external, leaf, product


@pytest.fixture
def morning(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> World:
    """A chain raw/in -> d1/a -> d1/b -> d1/d -> d1/e, whose last two open with their first input, and d1/c that waits for either
    of two; b is due at 8:00. It is 9:00."""
    either = {"any_of": [leaf("raw/in"), leaf("raw/other")]}
    products = {
        "raw/in": external(),
        "raw/other": {**external(), "schedule": daily("02:00")},
        "d1/a": product("raw/in", name="a", owner="ann", email="ann@example.com"),
        "d1/b": product("d1/a", name="b", sla={"complete_by": "08:00"}),
        "d1/d": product("d1/b", name="d", schedule=None),
        "d1/e": product(["d1/d", "raw/other"], name="e", schedule=None),
        "d1/c": product(either, name="c", wait={"deadline": 3600, "on_deadline": "start"}),
        "d1/weekly": product(
            "raw/in",
            name="weekly",
            schedule={**daily("06:00"), "fires": {**daily("06:00")["fires"], "month_days": [], "week_days": [2]}},
        ),
    }
    world.load(products, LOADED)
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 09:00"))
    for day in (17, 18, 19):
        world.event("raw/in", f"2026-11-{day}", at(f"2026-11-{day} 04:10"))
    opened(world)
    return world


def asked(**question: Any) -> dict[str, Any]:
    return inquire.handler(question, None)


def test_the_status_of_a_day_has_every_product(morning: World) -> None:
    rows = {each["product"]: each for each in asked(question="status")["products"]}

    assert {name: each["status"] for name, each in rows.items()} == {
        "raw/in": "EXPECTED", "raw/other": "EXPECTED", "d1/a": "WAITING", "d1/b": "WAITING", "d1/c": "WAITING", "d1/weekly": "NOT OPENED",
        "d1/d": "NOT OPENED", "d1/e": "NOT OPENED",
    }  # fmt: skip
    assert rows["d1/a"]["missing"] == ["raw/in"]
    assert rows["d1/b"]["late"] is True
    assert rows["d1/b"]["due_at"] == "2026-11-20T08:00:00+00:00"
    assert rows["raw/in"]["usually_at"] == "2026-11-20T04:10:00+00:00"
    assert "opens_at" not in rows["d1/weekly"], "not on a Friday"
    assert (rows["d1/e"]["unscheduled"], "unscheduled" in rows["d1/weekly"]) == (True, False)


def test_the_status_of_a_domain_and_of_another_date(morning: World) -> None:
    assert [each["product"] for each in asked(question="status", domain="raw")["products"]] == ["raw/in", "raw/other"]
    rows = {each["product"]: each for each in asked(question="status", business_date="2026-11-23")["products"]}
    assert rows["d1/weekly"]["opens_at"] == "2026-11-23T06:00:00+00:00"


def test_an_opening_that_was_before_the_product_came_is_called_missed(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 09:00"))
    world.load(
        {
            "raw/in": external(),
            "d1/new": product("raw/in", name="new"),
            "d1/later": product(name="later", schedule="12:00"),
            "d1/after": product("d1/new", name="after", schedule="08:30"),
        },
        at("2026-11-20 08:00"),
    )
    opened(world, "2026-11-20 09:00")
    rows = {each["product"]: each for each in asked(question="status", business_date=TODAY)["products"]}
    assert (rows["d1/new"]["missed"], "missed" in rows["d1/later"]) == (True, False)
    assert (rows["d1/new"]["scheduled_at"], "scheduled_at" in rows["d1/later"]) == ("2026-11-20T08:00:00+00:00", False)
    assert attention.needs_attention([rows["d1/new"]], runtime.now()) == [], "nobody could have opened it"
    (line,) = [
        each for each in status_rows.status(list(rows.values()), formatting.Clock(UTC, TODAY)) if each[0] == "d1/new"
    ]
    assert line[-1] == "not opened at 06:00; `headgate backfill` opens it"
    run = asked(question="why", product="d1/after", business_date=TODAY)["run"]
    assert [each["product"] for each in run["root_causes"]] == ["d1/new"], "what it would wait for is not the reason"
    (upstream,) = [each for each in explain.explained(run, formatting.Clock(UTC, TODAY)) if each.startswith("  d1/new")]
    assert "its run was not opened at 06:00; open it with `headgate backfill d1/new --date 2026-11-20`" in upstream
    run = asked(question="why", product="d1/new", business_date=TODAY)["run"]
    assert (
        "Its schedule had the opening at 06:00, before it took effect here at 08:00; open it with `headgate backfill d1/new --date 2026-11-20`."
        in list(explain.explained(run, formatting.Clock(UTC, TODAY)))[2]
    )


def test_more_products_than_a_page(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    world.load({f"d/p{number:04}": external() for number in range(1203)}, LOADED)
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 09:00"))
    answer = asked(question="status", business_date=TODAY)
    assert len(answer["products"]) == 1203
    assert answer["more"] is False
    monkeypatch.setattr(inquire, "MOST", 1000)
    assert asked(question="status", business_date=TODAY)["more"] is True


def test_why_names_what_is_missing_its_owner_and_what_comes_next(morning: World) -> None:
    run = asked(question="why", product="d1/a")["run"]

    assert (run["status"], run["on_deadline"], run["deadline_at"]) == ("WAITING", "fail", "2026-11-20T10:00:00+00:00")
    (missing,) = run["missing"]
    assert (missing["product"], missing["business_date"], missing["since"]) == (
        "raw/in",
        TODAY,
        "2026-11-20T06:00:00+00:00",
    )
    assert missing["upstream"] == {
        "status": "EXPECTED",
        "owner": "ingestion",
        "usually_at": "2026-11-20T04:10:00+00:00",
    }
    assert run["downstream"] == ["d1/b"]


def test_why_goes_to_the_bottom_of_it(morning: World) -> None:
    run = asked(question="why", product="d1/b", business_date=TODAY)["run"]
    (missing,) = run["missing"]
    assert (missing["upstream"]["status"], missing["upstream"]["waits_for"]) == ("WAITING", ["raw/in"])
    assert (missing["upstream"]["owner"], missing["upstream"]["email"]) == ("ann", "ann@example.com")
    assert [each["product"] for each in run["root_causes"]] == ["raw/in"]


def test_why_of_what_its_first_input_opens_goes_to_the_bottom_of_it_as_well(morning: World) -> None:
    run = asked(question="why", product="d1/e", business_date=TODAY)["run"]
    states = {each["product"]: each["upstream"] for each in run["missing"]}
    assert (states["d1/d"]["status"], states["d1/d"]["waits_for"]) == ("NOT OPENED", ["d1/b"])
    assert [each["product"] for each in run["root_causes"]] == ["raw/in", "raw/other"]

    morning.event("raw/other", TODAY, at("2026-11-20 08:00"))
    run = asked(question="why", product="d1/e", business_date=TODAY)["run"]
    assert (run["status"], [each["product"] for each in run["missing"]]) == ("WAITING", ["d1/d"])
    assert [each["product"] for each in run["root_causes"]] == ["raw/in"]


def test_why_of_what_needs_its_own_of_the_day_before_comes_to_an_end(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 09:00"))
    yesterday = {"all_of": [leaf("raw/in"), leaf("d1/sum", offset=-1)]}
    world.load({"raw/in": external(), "d1/sum": product(yesterday, name="sum", schedule=None)}, LOADED)
    run = asked(question="why", product="d1/sum", business_date=TODAY)["run"]
    assert [(each["product"], each["business_date"]) for each in run["missing"]] == [
        ("d1/sum", "2026-11-19"),
        ("raw/in", TODAY),
    ]
    assert {each["product"] for each in run["root_causes"]} == {"d1/sum", "raw/in"}


def test_why_of_a_failure_says_what_failed(morning: World) -> None:
    morning.event("raw/in", TODAY, at("2026-11-20 06:10"))
    complete(morning, "d1/a", status="ERROR")
    run = asked(question="why", product="d1/b")["run"]
    assert run["missing"][0]["upstream"]["status"] == "ERROR"
    assert [each["product"] for each in run["root_causes"]] == ["d1/a"]


@pytest.mark.parametrize("of_run", [True, False])
def test_why_says_that_it_is_held_back_and_by_whom(morning: World, of_run: bool) -> None:
    morning.state.set_hold("d1/a", DAY if of_run else None, "", True, "bob", at("2026-11-20 08:00"))
    run = asked(question="why", product="d1/a")["run"]
    assert (run["held"], run["held_by"]) == ("run" if of_run else "product", "bob")


def test_each_hold_has_the_command_that_ends_it(morning: World) -> None:
    morning.state.set_hold("d1/a", None, "", True, "ann", at("2026-11-20 08:00"))
    morning.sql("UPDATE data_product SET changed_by = 'a deployment'")
    morning.state.set_hold("d1/a", DAY, "", True, "bob", at("2026-11-20 08:01"))
    run = asked(question="why", product="d1/a", business_date=TODAY)["run"]

    lines = list(explain.explained(run, formatting.Clock(UTC, TODAY)))

    assert "The product is held by ann; end the hold with `headgate release d1/a`." in lines
    assert "The run is held by bob; end the hold with `headgate release d1/a --date 2026-11-20`." in lines
    assert any("when the last of these arrives and the hold has ended." in each for each in lines)
    change = morning.state.set_hold("d1/a", None, "", False, "ann", at("2026-11-20 08:02"))
    assert (change.changed, change.other_hold, change.released) == (True, "run", [])
    morning.event("raw/in", TODAY, at("2026-11-20 08:03"))
    run = asked(question="why", product="d1/a", business_date=TODAY)["run"]
    lines = list(explain.explained(run, formatting.Clock(UTC, TODAY)))
    assert not [each for each in lines if each.startswith("The product is held")]
    assert any(each.startswith("Next: the run starts when the hold has ended.") for each in lines)


def test_why_of_what_is_refreshed_elsewhere_and_of_what_has_no_run(morning: World) -> None:
    assert asked(question="why", product="raw/in", business_date=TODAY)["run"]["status"] == "EXTERNAL"
    assert asked(question="why", product="d1/weekly", business_date=TODAY)["run"]["status"] == "NOT OPENED"


def test_history_is_what_happened_in_order(morning: World) -> None:
    morning.event("raw/in", TODAY, at("2026-11-20 06:10"))
    wait(morning, "d1/a", now="2026-11-20 06:11")
    complete(morning, "d1/a")
    entries = asked(question="history", product="d1/a", business_date=TODAY)["entries"]

    assert [(each["at"][11:16], each["kind"], each.get("status")) for each in entries] == [
        ("06:00", "run", "WAITING"), ("06:10", "arrived", None), ("06:10", "run", "WAITING"), ("06:11", "run", "WAITING"),
        ("08:00", "run", "PROCESSING"), ("08:00", "job started", None), ("08:00", "job ended", "SUCCEEDED"), ("08:00", "run", "COMPLETED"),
    ]  # fmt: skip
    assert entries[0]["opened"] is True
    assert entries[2]["reason"] == "the last input arrived"


def statuses_from(hour: str) -> list[str]:
    entries = asked(question="history", product="d1/a", business_date=TODAY)["entries"]
    return [each.get("status", each["kind"]) for each in entries if each["at"][11:13] >= hour]


def test_history_shows_an_end_that_was_reported_before_the_start_after_it(morning: World) -> None:
    """A job that takes no time has ended by its service's clock before the machine has recorded that it runs."""
    morning.event("raw/in", TODAY, at("2026-11-20 06:10"))
    wait(morning, "d1/a", now="2026-11-20 06:11")
    complete(morning, "d1/a")
    morning.sql("UPDATE job_run SET ended_at = started_at - interval '2 seconds'")
    assert statuses_from("08") == ["PROCESSING", "job started", "SUCCEEDED", "COMPLETED"]


def test_history_shows_the_end_of_an_attempt_before_the_restart_of_the_same_moment(morning: World) -> None:
    wait(morning, "d1/a", now="2026-11-20 06:11")
    complete(morning, "d1/a", status="ERROR")
    ended_at = morning.run("d1/a", TODAY)["finished_at"]
    morning.state.rerun("d1/a", date.fromisoformat(TODAY), "", False, "restarted", "monitor", ended_at)
    assert statuses_from("08") == ["ERROR", "WAITING"]


def test_the_exception_at_the_end_of_a_long_traceback_is_shown(morning: World) -> None:
    traceback = "Traceback (most recent call last):\n" + "  File x, line 1\n" * 500 + "KeyError: 'isin'"
    morning.event("raw/in", TODAY, at("2026-11-20 06:10"))
    wait(morning, "d1/a", now="2026-11-20 06:11")
    run_id = morning.run("d1/a", TODAY)["run_id"]
    morning.state.record_job_start(run_id, 1, "build", "glue", "j", "jr_1", {}, "token", at("2026-11-20 07:00"))
    ended = {"job_run_id": "jr_1", "job": "j", "state": "FAILED", "message": traceback}
    morning.state.record_job_states([ended], at("2026-11-20 07:10"))
    morning.state.record_outcome(run_id, 1, "ERROR", "JobFailed", traceback, at("2026-11-20 07:10"), "machine")
    run = asked(question="why", product="d1/a", business_date=TODAY)["run"]
    entries = asked(question="history", product="d1/a", business_date=TODAY)["entries"]
    shown = {"why": run["cause"], **{each["kind"]: each["cause"] for each in entries if each.get("cause")}}
    assert shown.keys() == {"why", "run", "job ended"}
    assert all(each.startswith("Traceback") and each.endswith("KeyError: 'isin'") for each in shown.values())


@pytest.mark.parametrize(("endpoint", "shown"), [("", 1), ("http://127.0.0.1:4566", 0)])
def test_why_links_to_the_pages_of_the_execution_and_of_a_job_run(
    morning: World, monkeypatch: pytest.MonkeyPatch, endpoint: str, shown: int
) -> None:
    """Not on the local runtime, which has no console."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    morning.event("raw/in", TODAY, at("2026-11-20 06:10"))
    wait(morning, "d1/a", now="2026-11-20 06:11")
    run_id = morning.run("d1/a", TODAY)["run_id"]
    morning.state.record_job_start(run_id, 1, "build", "glue", "load", "jr_1", {}, "token", at("2026-11-20 07:00"))
    arn = "arn:aws-cn:states:cn-north-1:123456789012:execution:m_a:a-2026-11-20-1"
    morning.sql("UPDATE data_product_status SET execution_arn = %s WHERE run_id = %s", arn, run_id)

    run = asked(question="why", product="d1/a", business_date=TODAY)["run"]
    text = "\n".join(explain.explained(run, formatting.Clock(UTC, TODAY)))

    console = "https://cn-north-1.console.amazonaws.cn"
    assert text.count(f"{console}/states/home?region=cn-north-1#/v2/executions/details/{arn}") == shown
    assert text.count(f"{console}/gluestudio/home?region=cn-north-1#/job/load/run/jr_1") == shown


def test_history_of_all_in_pages(morning: World, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = asked(question="history", business_date=TODAY)["entries"]
    monkeypatch.setattr(inquire, "PAGE", 2)
    assert asked(question="history", business_date=TODAY)["entries"] == everything

    monkeypatch.setattr(inquire, "MOST", 2)
    cut = asked(question="history", business_date=TODAY)
    assert (cut["entries"], cut["more"]) == (everything[-2:], True), "the latest"


def test_functions_of_the_release_before_are_given_the_oldest_entries_first(morning: World) -> None:
    everything = asked(question="history", business_date=TODAY)["entries"]
    found, after = [], ""
    while page := morning.sql("SELECT * FROM history_of(NULL, %s, %s, %s, 2)", TODAY, TODAY, after):
        after = page[-1][0]
        found += [json.loads(entry) for _, entry in page]
    assert found == everything


def test_a_run_that_becomes_late_is_in_its_history(morning: World) -> None:
    morning.state.repair(at("2026-11-20 08:10"))
    entries = asked(question="history", product="d1/b", business_date=TODAY)["entries"]
    assert [each["kind"] for each in entries] == ["run", "late"]


def test_an_event_from_outside_a_pipeline_is_in_the_history_of_its_product(morning: World) -> None:
    morning.event("raw/in", TODAY, at("2026-11-20 06:10"))
    complete(morning, "d1/a")
    run = str(morning.run("d1/a", TODAY)["run_id"])
    morning.event("d1/a", TODAY, at("2026-11-20 08:01"), run_id=run, attempt=1)
    morning.event("d1/a", TODAY, at("2026-11-20 08:02"), account="111122223333")

    entries = asked(question="history", product="d1/a", business_date=TODAY)["entries"]

    (foreign,) = [each for each in entries if each["kind"] == "refreshed"]
    assert (foreign["at"], foreign["foreign"]) == ("2026-11-20T08:02:00+00:00", True), (
        "what the run published is no news"
    )
    assert formatting.history([foreign], formatting.Clock(UTC, TODAY))[0][-1] == (
        "COMPLETED for 2026-11-20, by an event of account 111122223333 from outside its pipeline"
    )


def test_without_a_date_the_latest_opening_counts_on_a_saturday_and_a_holiday(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Friday the 20th is a holiday, the 21st a Saturday."""
    weekdays = {**daily("06:00"), "calendar": "banks"}
    calendar = {"banks": {"weekend": [6, 7], "dates": ["2026-11-20"]}}
    products = {
        "raw/in": external(),
        "d1/today": product("raw/in", name="today", schedule=weekdays),
        "d1/before": product("raw/in", name="before", schedule={**weekdays, "date_offset": -1}),
        "d2/event": product("raw/in", name="event", schedule=None),
    }
    world.load(products, LOADED, calendar)
    for day in ("2026-11-20", "2026-11-21", "2026-11-23 05:59"):
        monkeypatch.setattr(runtime, "now", lambda day=day: at(day if " " in day else f"{day} 09:00"))
        assert asked(question="status")["business_date"] == "2026-11-19"
        assert asked(question="why", product="d1/today")["business_date"] == "2026-11-19"
        assert asked(question="why", product="d1/before")["business_date"] == "2026-11-18"
        assert world.state.latest_opening("d1", runtime.now()) == date(2026, 11, 19)
        assert world.state.latest_opening("d2", runtime.now()) is None
    backfill = {"action": "backfill", "product": "d1/today", "actor": "ann"}
    answer = operate.handler(backfill, None)
    assert (answer["opened"], answer["business_date"]) == (1, "2026-11-19")
    assert asked(question="product", product="raw/in")["latest_date"] == "2026-11-19", "what the run waits for"
    with pytest.raises(IllegalTransition, match="no schedule of d2/event has opened a run yet; name the business date"):
        operate.handler({**backfill, "product": "d2/event"}, None)


def test_a_product_is_described_for_those_who_publish_its_events(world: World, aws: FakeAws) -> None:
    products = {
        "raw/in": external(),
        "d1/often": product(["raw/in", "other/account"], name="often", schedule=daily("08:00", "14:30")),
        "d1/once": product("raw/in", name="once"),
    }
    world.load(products, LOADED)

    found = {name: asked(question="product", product=name) for name in (*products, "other/account")}

    assert {name: (each["pipeline"], each["cycles"]) for name, each in found.items()} == {
        "raw/in": (False, None), "d1/often": (True, ["0800", "1430"]), "d1/once": (True, []), "other/account": (False, None),
    }  # fmt: skip
    with pytest.raises(UnknownProduct):
        asked(question="product", product="d1/nothing")


def test_the_runs_of_a_range(morning: World, monkeypatch: pytest.MonkeyPatch) -> None:
    morning.state.backfill("d1/a", date(2026, 11, 17), date(2026, 11, 19), False, "ann", at("2026-11-20 07:00"))
    morning.state.set_hold("d1/a", DAY, "", True, "bob", at("2026-11-20 08:00"))
    monkeypatch.setattr(inquire, "PAGE", 1)

    answer = asked(question="runs", product="d1/a", business_date="2026-11-18", until=TODAY)

    assert [(each["business_date"], each["status"], "released_at" in each, "held" in each) for each in answer["runs"]] == [
        ("2026-11-18", "WAITING", True, False), ("2026-11-19", "WAITING", True, False), ("2026-11-20", "WAITING", False, True),
    ]  # fmt: skip
    with pytest.raises(UnknownProduct):
        asked(question="runs", product="d1/nothing", business_date=TODAY)


def test_what_cannot_be_answered_is_refused(morning: World) -> None:
    with pytest.raises(UnknownProduct, match="d1/nothing"):
        asked(question="why", product="d1/nothing")
    with pytest.raises(BadEvent, match="/product is missing"):
        asked(question="why")
    with pytest.raises(BadEvent, match="/question"):
        asked(question="when")


def test_the_answers_in_words(morning: World) -> None:
    """As `headgate status`, `why` and `history` print them."""
    clock = formatting.Clock(UTC, TODAY)
    parts: list[str] = []

    def show(command: str, lines: Any) -> None:
        parts.append("\n".join([f"$ headgate {command}", *lines, ""]))

    def status(products: Any) -> Any:
        return [*columns(status_rows.status(products, clock)), "", status_rows.counts(products)]

    def why(name: str) -> None:
        show(f"why {name}", explain.explained(asked(question="why", product=name, business_date=TODAY)["run"], clock))

    show("status", status(asked(question="status")["products"]))
    for name in ("d1/a", "d1/b", "d1/c", "d1/e", "raw/in", "d1/weekly"):
        why(name)
    morning.event("raw/in", TODAY, at("2026-11-20 06:10"))
    why("raw/in")
    why("d1/a")
    complete(morning, "d1/a", status="ERROR")
    why("d1/a")
    why("d1/b")
    morning.state.rerun("d1/a", DAY, "", False, "rerun", "bob", at("2026-11-20 08:30"))
    complete(morning, "d1/a", attempt=2, now="2026-11-20 08:40")
    why("d1/a")
    morning.state.set_hold("d1/c", None, "", True, "bob", at("2026-11-20 08:00"))
    morning.state.skip_run("d1/b", DAY, "", "bob", at("2026-11-20 08:50"))
    why("d1/b")
    show("status", status(asked(question="status")["products"]))
    morning.state.rerun("d1/b", DAY, "", False, "rerun", "bob", at("2026-11-20 08:52"))
    morning.state.set_hold("d1/b", DAY, "", True, "bob", at("2026-11-20 08:53"))
    why("d1/b")
    morning.state.set_hold("d1/b", DAY, "", False, "ann", at("2026-11-20 08:54"))
    morning.state.set_hold("d1/c", None, "", False, "ann", at("2026-11-20 08:55"))
    morning.event("d1/b", TODAY, at("2026-11-20 08:56"))
    show("history", columns(formatting.history(asked(question="history", business_date=TODAY)["entries"], clock)))
    expect(FOLDER / "messages" / "inquiry.txt", "\n".join(parts).encode())
