"""Answers within the limits of the Data API, 64 KiB a row and 1 MiB in all: what does not fit is cut by its size, and the answer says so."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import inquire
import operate
import runtime
from headgate.cli import explain, formatting, status_rows
from headgate.cli.commands import rerun
from state.answers import Row
from state.calls import State
from state.errors import DeadlineExceeded
from tests.fake_aws import FakeAws
from tests.handler_steps import gate, invoke
from tests.state_steps import LOADED, TODAY, effects, opened, uuid
from tests.state_world import World, at, daily, external, leaf, product

NOW = at("2026-11-20 09:00")
LONG = "x" * 55  # of a name; an identity has at most 129 characters
OWNER = 'the "ö" team ' * 76  # of at most a thousand characters
CLOCK = formatting.Clock(UTC, TODAY)


@pytest.fixture(autouse=True)
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)


def asked(**question: Any) -> dict[str, Any]:
    return inquire.handler(question, None)


def raw(count: int, **more: Any) -> dict[str, Any]:
    return {f"{LONG}/{LONG}-{number:03}": external() | more for number in range(count)}


def named(items: list[Any]) -> int:
    """How many a list that may be cut stands for."""
    return sum(each["more"] if isinstance(each, dict) and "more" in each else 1 for each in items)


@pytest.mark.parametrize("text", ["a" * 600, 'é"' * 300, "\n\\\x07" * 200, "€\U0001f600 " * 200])
def test_a_text_is_cut_to_the_most_that_fits(world: World, text: str) -> None:
    def sent(part: str) -> int:
        """The bytes of a JSON text with it in an answer that is JSON."""
        return len(json.dumps(json.dumps(part, ensure_ascii=False), ensure_ascii=False).encode())

    for limit in (30, 499, 500, 501, 502):
        ((cut,),) = world.sql("SELECT cut_text(%s, %s)", text, limit)
        assert text.startswith(cut)
        assert sent(cut) <= limit < sent(text[: len(cut) + 1])
    assert world.sql("SELECT cut_text(%s, %s), cut_text('', 9), cut_text(NULL, 9)", text, sent(text)) == [
        (text, "", None)
    ]


def test_status_of_products_that_run_every_hour(world: World) -> None:
    hours = daily(*(f"{hour:02}:00" for hour in range(24)))
    upstream = raw(8)
    world.load(
        upstream | {f"d/p{n:03}": product(list(upstream), name=f"p{n}", schedule=hours) for n in range(150)},
        at("2026-11-19 23:30"),
    )
    opened(world, "2026-11-20 23:30")

    answer = asked(question="status", business_date=TODAY)

    runs = [(each["product"], each["cycle"]) for each in answer["products"] if "cycle" in each]
    assert runs == [(f"d/p{n:03}", f"{hour:02}00") for n in range(150) for hour in range(24)]
    assert len(answer["products"]) == len(runs) + 8
    line = status_rows.status([answer["products"][0]], CLOCK)[1]
    assert line[-1].endswith(f"{LONG}/{LONG}-004 and 3 more")


def test_why_with_forty_inputs_of_thirty_upstreams(world: World) -> None:
    upstream = raw(30, owner=OWNER)
    middle = {f"{LONG}/m{n:02}": product(list(upstream), name=f"m{n}", owner=OWNER) for n in range(40)}
    world.load(upstream | middle | {"d/x": product(list(middle), name="x", description="d" * 1000)}, LOADED)
    opened(world)
    world.sql("UPDATE data_product_status SET cause = repeat('\"\\\u00e9', 4000), error = 'JobFailed'")

    run = asked(question="why", product="d/x", business_date=TODAY)["run"]

    assert named(run["missing"]) == 40
    assert named(run["missing"][0]["upstream"]["waits_for"]) == 30
    assert named(run["root_causes"]) == 30
    lines = list(explain.explained(run, CLOCK))
    shown = len([each for each in lines if each.startswith(f"  {LONG}/m")])
    assert 5 < shown < 40
    assert f"  and {40 - shown} more" in lines


def test_why_with_many_arrivals_jobs_and_products_downstream(world: World) -> None:
    upstream = raw(300)
    world.load(
        upstream
        | {"d/x": product({"any_of": [leaf(each) for each in upstream]}, name="x")}
        | {f"{LONG}/{LONG}-d{n}": product("d/x", name=f"d{n}") for n in range(300)},
        LOADED,
    )
    opened(world)
    for name in upstream:
        world.event(name, TODAY, NOW)
    for number in range(30):
        world.state.record_job_start(uuid(world, "d/x"), 1, "build", "glue", "j", f"jr {number}", {}, "token", NOW)
    ends = [
        {"job_run_id": f"jr {number}", "job": "j", "state": "FAILED", "message": "\u0007" * 900} for number in range(30)
    ]
    world.state.record_job_states(ends, NOW)

    run = asked(question="why", product="d/x", business_date=TODAY)["run"]

    assert (named(run["arrived"]), named(run["jobs"]), named(run["downstream"])) == (300, 30, 300)
    lines = list(explain.explained(run, CLOCK))
    assert any(each.startswith("Downstream: ") and each.endswith(" more.") for each in lines)


def test_a_machine_with_a_hundred_missing_inputs_of_long_owners(world: World) -> None:
    upstream = raw(120, owner=OWNER)
    late: dict[str, Any] = {
        "sla": {"complete_by": "07:00"},
        "notify": [{"on": ["LATE"], "level": "product", "slack": ["#a"]}],
    }
    world.load(upstream | {"d/x": product(list(upstream), name="x", **late)}, LOADED)
    opened(world)
    run = str(uuid(world, "d/x"))

    missing = invoke("dependency_gate", gate(run))["missing"]

    assert named(missing) == 120
    assert missing[-1] == {"more": 120 - (len(missing) - 1)}
    with pytest.raises(DeadlineExceeded, match=r"; and \d+ more$"):
        invoke("dependency_gate", gate(run, "deadline", on_deadline="fail"))
    world.state.repair(NOW)
    (alert,) = effects(world, "alert")
    assert isinstance(alert["missing"], list)
    assert named(alert["missing"]) == 120
    assert [each.kind for each in world.state.claim_effects(500, NOW, timedelta(seconds=60)) if each.kind == "alert"]


def test_the_monitor_asks_about_as_much_as_fits(world: World) -> None:
    name = "y" * 63
    world.load(
        {f"{'d' * 64}/{name}{n}": product(name=name, machine="m" * 80, execution_prefix=name) for n in range(200)},
        LOADED,
    )
    opened(world)
    world.sql(
        "INSERT INTO job_run (job_run_id, run_id, attempt, step, type, job, handle, started_at, changed_at) "
        "SELECT repeat('j', 200) || row_number() OVER (), run_id, 1, 'build', 'glue', repeat('\"', 255), '{}', opened_at, opened_at "
        "FROM data_product_status"
    )
    world.sql("UPDATE effect SET done_at = now()")

    later, tick = at("2026-11-20 12:00"), world.state.begin_tick()
    jobs, runs = set(), set()
    while page := world.state.jobs_to_ask(tick, 150, False, later):
        jobs |= {each.job_run_id for each in page}
        world.state.record_asked(tick, [each.job_run_id for each in page], [])
    while asked_about := world.state.executions_to_ask(tick, 150, False, later):
        runs |= {each.run_id for each in asked_about}
        world.state.record_asked(tick, [], [str(each.run_id) for each in asked_about])
    assert (len(jobs), len(runs)) == (200, 200)


def test_a_rerun_of_everything_downstream(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.load(
        {"d/x": product()} | {f"{LONG}/{LONG}-{n:04}": product("d/x", name=f"n{n}") for n in range(1500)}, LOADED
    )
    opened(world)
    world.sql("UPDATE data_product_status SET status = 'COMPLETED', event = 'completed'")

    answer = operate.handler(
        {"action": "rerun", "product": "d/x", "business_date": TODAY, "downstream": True, "actor": "ann"}, None
    )

    assert named(answer) == 1501
    assert list(rerun.attempts(answer))[-1] == f"and {answer[-1]['more']:,} more"


def test_a_hold_of_a_product_with_many_runs(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product("raw/a", name="x")}, LOADED)
    for year in range(4):
        first = date(2020 + year, 1, 1)
        world.state.backfill("d/x", first, first + timedelta(364), False, "ann", NOW)

    answer = operate.handler({"action": "hold", "product": "d/x", "actor": "ann"}, None)

    assert named(answer["waiting_runs"]) == 1460
    assert formatting.few_runs(answer["waiting_runs"]).endswith("2020-01-08 and 1,452 more")
    world.sql("UPDATE data_product_dependencies_events_status SET status = 'ARRIVED', event = 'arrived'")
    answer = operate.handler({"action": "release", "product": "d/x", "actor": "ann"}, None)
    assert (answer["released"], named(answer["released_runs"])) == (1460, 1460)


def test_history_of_runs_with_long_causes(world: World) -> None:
    world.load({f"d/p{n:04}": product(name=f"p{n}") for n in range(900)}, LOADED)
    opened(world)
    world.sql(
        "UPDATE data_product_status SET status = 'ERROR', event = 'failed', error = 'JobFailed', cause = repeat('\"\u00e9\\', 300), "
        "execution_arn = repeat('a', 200)"
    )

    entries = asked(question="history", business_date=TODAY)["entries"]

    assert len([each for each in entries if each.get("status") == "ERROR"]) == 900


def test_runs_of_many_years(world: World) -> None:
    hours = daily(*(f"{hour:02}:00" for hour in range(24)))
    world.load({"d/x": product(name="x", schedule=hours)}, LOADED)
    for month in range(10):
        first = date(2026, 1, 1) + timedelta(30 * month)
        world.state.backfill("d/x", first, first + timedelta(29), False, "ann", NOW)

    runs = asked(question="runs", product="d/x", business_date="2026-01-01", until="2026-10-27")["runs"]

    assert len({(each["business_date"], each["cycle"]) for each in runs}) == 24 * 300


def test_a_cut_keeps_what_fits(world: World) -> None:
    """`fitting` counts the bytes that the Data API sends: JSON in JSON, in UTF-8."""
    items = '["a", "\\"", "é", "\\u0007"]'
    for bytes_, expected in ((0, []), (9, ["a"]), (1000, ["a", '"', "é", "\x07"])):
        assert world.sql("SELECT fitting(%s::jsonb, %s)", items, bytes_) == [(expected,)]
    assert world.sql("SELECT cut(%s::jsonb, 9, 10)", items) == [(["a", {"more": 9}],)]
    assert world.sql("SELECT cut(%s::jsonb, 1000, 4)", items) == [(["a", '"', "é", "\x07"],)]
    assert world.sql("SELECT cut(NULL, 1000, 4)") == [(None,)]


def test_a_forecast_is_computed_once_as_long_as_it_fits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call computes the forecast of all products. What is beyond an answer costs a further one, which nobody pays who does not need it."""
    calls: list[str] = []
    columns = State.forecast_columns

    def counted(state: State, on: date, product: str | None, at_risk: bool, after: str, now: datetime) -> list[Row]:
        calls.append(after)
        return columns(state, on, product, at_risk, after, now)

    monkeypatch.setattr(State, "forecast_columns", counted)
    for count, needed in ((4_700, 1), (5_000, 2)):
        world.load(raw(count), LOADED)
        calls.clear()
        found = asked(question="forecast", business_date=TODAY)
        assert [each["product"] for each in found["products"]] == sorted(raw(count))
        assert (found["more"], len(calls)) == (False, needed)
