"""When products will be ready: by what they usually take, by what has come, and by what has not."""

import statistics
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

import forecasts
import inquire
import runtime
from benchmarks import forecast as benchmark
from headgate.cli import forecasting
from headgate.cli.formatting import Clock
from headgate.local.postgres import Postgres
from tests import corpora
from tests.fake_aws import FakeAws
from tests.forecast_day import Graph, Habits, finals, learn, mesh, promised
from tests.forecast_oracle import oracle
from tests.forecast_play import Day, DayAsOf
from tests.forecast_score import Score, foretold, judge, moments
from tests.state_steps import complete, uuid
from tests.state_world import World, at, daily, external, in_soak, leaf, new_world, product

TODAY = date(2026, 11, 20)
NIGHT = at("2026-11-19 20:00")
HOUR = 3600


def usual(world: World, kind: str, **seconds: float) -> None:
    """What each product took on the ninety days before, a minute more or less."""
    given = [
        {"product_id": name.replace("_", "/"), "kind": kind, "cycle": "", "on_date": str(TODAY - timedelta(day)),
         "seconds": each + (day % 3 - 1) * 60}
        for name, each in seconds.items() for day in range(1, 91)
    ]  # fmt: skip
    world.state.database.call("learn_times", given, NIGHT)


@pytest.fixture
def chain(world: World, aws: FakeAws) -> World:
    """raw/a, usually there at 5:00, and raw/b at 6:00; d/x of raw/a takes 30 minutes, d/y of d/x and raw/b an hour and is due at 8:00; d/z of either takes ten minutes."""
    either = {"any_of": [leaf("raw/a"), leaf("raw/b")]}
    products = {
        "raw/a": external(),
        "raw/b": external(),
        "d/x": product("raw/a", None, name="x"),
        "d/y": product(["d/x", "raw/b"], "04:00", name="y", sla={"complete_by": "08:00", "timezone": "UTC"}),
        "d/z": product(either, "04:00", name="z"),
    }
    world.load(products, NIGHT)
    usual(world, "ready", raw_a=5 * HOUR, raw_b=6 * HOUR, d_y=7 * HOUR)
    usual(world, "work", d_x=HOUR / 2, d_y=HOUR, d_z=HOUR / 6)
    return world


def forecast(world: World, now: str, on: date = TODAY, **more: Any) -> dict[str, dict[str, Any]]:
    rows, _ = forecasts.forecast(
        world.state, on, more.get("product"), more.get("at_risk", False), 50, at(f"{on} {now}")
    )
    return {each["product"]: each for each in rows}


def said(each: dict[str, Any]) -> str:
    return forecasting.sentence(each, Clock(at("2026-11-20 00:00").tzinfo, str(TODAY)))


def expected(each: dict[str, Any]) -> str:
    return str(each["expected"])[11:16]


def test_before_anything_has_come_the_usual_day_is_expected(chain: World) -> None:
    found = forecast(chain, "01:00")
    assert {name: expected(each) for name, each in found.items()} == {
        "raw/a": "05:00", "raw/b": "06:00", "d/x": "05:30", "d/y": "07:00", "d/z": "05:10"
    }  # fmt: skip
    assert (found["d/y"]["waits_for"], found["d/x"]["waits_for"]) == ("raw/b", "raw/a")
    assert "at_risk" not in found["d/y"]
    assert said(found["raw/a"]) == "05:00, between 04:59 and 05:01"
    assert said(found["d/x"]) == "05:30, between 05:28 and 05:31: waits for raw/a"


def test_what_has_not_come_is_later_and_says_so(chain: World) -> None:
    """raw/b was never later than 6:01; at 7:05 it is expected later still, and what waits for it is at risk."""
    chain.state.open_due_runs(at("2026-11-20 04:00"), "scheduler")
    chain.event("raw/a", str(TODAY), at("2026-11-20 05:00"))
    chain.state.begin_pipeline(uuid(chain, "d/x"), 1, "arn", at("2026-11-20 05:00"))
    chain.state.finish_attempt(uuid(chain, "d/x"), 1, "COMPLETED", None, None, at("2026-11-20 05:30"))
    found = forecast(chain, "07:05")
    assert expected(found["raw/b"]) == "07:37"
    assert expected(found["d/y"]) == "08:37"
    assert found["d/y"]["at_risk"] is True
    assert (found["d/y"]["because"], found["d/y"]["because_basis"]) == ("raw/b", "source")
    assert said(found["d/y"]).endswith(": raw/b comes 98 minutes later than usual")
    assert list(forecast(chain, "07:05", at_risk=True)) == ["d/y"]
    assert list(forecast(chain, "08:01", at_risk=True)) == []  # it is late, and no risk any more


def test_a_run_that_goes_on_takes_what_longer_ones_took(chain: World) -> None:
    chain.event("raw/a", str(TODAY), at("2026-11-20 05:00"))
    chain.state.begin_pipeline(uuid(chain, "d/x"), 1, "arn", at("2026-11-20 05:00"))
    assert expected(forecast(chain, "05:10")["d/x"]) == "05:30"
    assert forecast(chain, "05:30:30")["d/x"]["expected"] == "2026-11-20T05:31:00+00:00"
    beyond = forecast(chain, "05:50")["d/x"]
    assert said(beyond) == "06:00, between 05:50 and 06:22: it runs 30 minutes longer than usual"


def test_either_of_two_is_the_first_of_them(chain: World) -> None:
    chain.state.open_due_runs(at("2026-11-20 04:00"), "scheduler")
    chain.event("raw/b", str(TODAY), at("2026-11-20 04:30"))
    found = forecast(chain, "04:30")
    assert (found["d/z"]["basis"], expected(found["d/z"])) == ("running", "04:40")
    assert found["d/y"]["waits_for"] == "d/x"


def test_a_failure_and_a_hold_are_not_before(chain: World) -> None:
    chain.event("raw/a", str(TODAY), at("2026-11-20 05:00"))
    run = uuid(chain, "d/x")
    chain.state.begin_pipeline(run, 1, "arn", at("2026-11-20 05:00"))
    chain.state.finish_attempt(run, 1, "ERROR", "JobFailed", None, at("2026-11-20 05:20"))
    found = forecast(chain, "07:00")
    assert said(found["d/x"]) == "not before 07:30: it has failed"
    assert said(found["d/y"]) == "not before 08:30: d/x has failed"
    assert found["d/y"]["at_risk"] is True
    chain.state.rerun("d/x", TODAY, "", False, "rerun", "ann", at("2026-11-20 07:00"))
    chain.state.set_hold("d/y", None, "", True, "ann", at("2026-11-20 07:00"))
    assert said(forecast(chain, "07:00")["d/y"]) == "not before 08:30: it is held"


def test_without_history_there_is_the_deadline_and_then_nothing(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product(None, name="x"), "d/y": product("raw/a", None, name="y")}, NIGHT)
    found = forecast(world, "05:00")
    assert said(found["d/x"]) == "by 10:00: it has no history; this is its deadline"
    assert said(found["raw/a"]) == "not known: it has no history"
    assert said(found["d/y"]) == "not known: nothing is known of raw/a"
    running = {"product": "d/z", "basis": "running", "because": "raw/a", "because_basis": "done"}
    assert said(running) == "not known: it has no history", "when its input came decides nothing then"


def test_each_cycle_of_a_day_has_its_forecast(world: World) -> None:
    world.load({"d/x": product(None, daily("06:00", "12:00"), name="x")}, NIGHT)
    given = [
        {"product_id": "d/x", "kind": "work", "cycle": cycle, "on_date": str(TODAY - timedelta(day)), "seconds": 600}
        for cycle in ("0600", "1200") for day in (1, 2, 3)
    ]  # fmt: skip
    world.state.database.call("learn_times", given, NIGHT)
    rows, _ = forecasts.forecast(world.state, TODAY, None, False, 50, at("2026-11-20 05:00"))
    assert [(each["cycle"], expected(each)) for each in rows] == [("0600", "06:10"), ("1200", "12:10")]


@pytest.mark.parametrize(("cycle", "when"), [("any", "06:20"), ("1200", "12:20")])
def test_what_takes_any_cycle_is_expected_after_the_first(world: World, cycle: str, when: str) -> None:
    world.load(
        {
            "d/x": product(None, daily("06:00", "12:00"), name="x"),
            "d/y": product(leaf("d/x", cycle=cycle), None, name="y"),
        },
        NIGHT,
    )
    given = [
        {"product_id": name, "kind": "work", "cycle": cycle, "on_date": str(TODAY - timedelta(day)), "seconds": 600}
        for name, cycle in (("d/x", "0600"), ("d/x", "1200"), ("d/y", "")) for day in (1, 2, 3)
    ]  # fmt: skip
    world.state.database.call("learn_times", given, NIGHT)
    assert expected(forecast(world, "05:00")["d/y"]) == when


def test_one_product_comes_with_all_that_decides(chain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 01:00"))
    answer = inquire.handler({"question": "forecast", "business_date": str(TODAY), "product": "d/y"}, None)
    assert [each["product"] for each in answer["products"]] == ["d/y", "raw/b"]
    path = forecasting.path("d/y", answer["products"])
    assert [(each["product"], added) for each, added in path] == [("raw/b", None), ("d/y", HOUR)]


def test_why_says_when_a_run_is_expected_and_what_decides(chain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.state.open_due_runs(at("2026-11-20 04:00"), "scheduler")
    chain.event("raw/a", str(TODAY), at("2026-11-20 05:00"))
    complete(chain, "d/x", now="2026-11-20 05:30")
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 07:05"))
    answer = inquire.handler({"question": "why", "business_date": str(TODAY), "product": "d/y"}, None)
    clock = Clock(at("2026-11-20 00:00").tzinfo, str(TODAY))
    assert list(forecasting.explained("d/y", None, answer["forecast"], clock)) == [
        "Expected: 08:37, between 08:06 and 09:50: raw/b comes 98 minutes later than usual, at risk: due by 08:00.",
        "Critical path: raw/b 07:37, d/y 08:37.",
    ]
    done = inquire.handler({"question": "why", "business_date": str(TODAY), "product": "d/x"}, None)
    assert "forecast" not in done


def small_graph() -> Graph:
    """40 products: eight feeds, and chains of four after each."""
    return {f"raw/f{n}": [] for n in range(8)} | {
        f"d/p{n}": [f"raw/f{n % 8}" if n < 8 else f"d/p{n - 8}"] for n in range(32)
    }


def test_played_days_go_as_forecast(world: World, aws: FakeAws) -> None:
    """Two days with the delays of decision 73, against how they went; `benchmarks/forecast.py` plays real graphs."""
    graph = small_graph()
    habits, score = Habits(graph, Random(4)), Score()  # noqa: S311
    due = promised(learn(world, habits, TODAY, 60), finals(graph))
    world.load(mesh(graph, due), at("2026-11-19 12:00"))
    for number in range(2):
        on = TODAY + timedelta(number)
        truth = habits.day(on)
        stops, before = moments(truth, graph, due)
        day = Day(world, graph, truth, on)
        for stop in day.play(stops):
            score.add(judge(foretold(day, stop), stop, truth, due, before))
    assert (len(score.errors), len(score.chances)) == (64, 16)
    assert statistics.median(score.errors) < 0.2
    assert statistics.mean(score.inside) > 0.5


def test_a_day_as_of_a_moment_is_as_if_it_had_been_played(world: World, aws: FakeAws) -> None:
    """Two dates that go alike, with a failure: the one is played, and the state of the other is put as of each moment, as benchmarks do."""
    graph = small_graph()
    habits = Habits(graph, Random(6))  # noqa: S311
    due = promised(learn(world, habits, TODAY, 30), finals(graph))
    world.load(mesh(graph, due), at("2026-11-19 12:00"))
    truth = habits.day(TODAY)
    truth.failures = {"d/p0": (300.0, 2400.0)}
    stops = [each * HOUR / 2 for each in range(8, 20)]
    found = []
    for kind, on in ((Day, TODAY), (DayAsOf, TODAY + timedelta(7))):
        day = kind(world, graph, truth.settled(graph), on)
        found.append([rounded(foretold(day, stop)) for stop in day.play(stops)])
        world.sql("DELETE FROM usual_time WHERE last_date >= %s", on)
        learn(world, Habits(graph, Random(6)), TODAY, 30)  # noqa: S311
    assert found[0] == found[1]


@in_soak
@pytest.mark.slow
def test_forecasts_of_a_real_graph_are_nearly_as_good_as_the_oracles(postgres: Postgres) -> None:
    """Two days of decision 73; `benchmarks/forecast.py` plays all of them."""
    graph = corpora.graphs()["bigquery-etl"]
    ours, best = Score(), Score()
    with new_world(postgres) as world:
        for each, of_oracle in benchmark.played(world, benchmark.graph_of(graph), 1, 2):
            ours.add(each)
            best.add(of_oracle)
    assert statistics.median(ours.errors) <= 0.1
    assert ours.counts()[0] >= 0.9 * best.counts()[0]
    assert sum(ours.counts()[1:]) <= sum(best.counts()[1:]) + 3


def rounded(found: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(round(each / 60) for each in (of.low, of.expected, of.high)) for name, of in found.items()}


def test_the_oracle_knows_the_distributions_and_not_the_future() -> None:
    """Of many days it is right as often as it says: what it gives a chance of 30 % happens on three days of ten."""
    graph = small_graph()
    habits, chances = Habits(graph, Random(5)), []  # noqa: S311
    due = dict.fromkeys(finals(graph), 6.5 * HOUR)
    for number in range(60):
        on = TODAY + timedelta(number)
        truth = habits.day(on)
        found = oracle(habits, truth, due, on, 5.5 * HOUR, 100, Random(number), due)  # noqa: S311
        chances += [(found[name].chance, truth.ready[name] > due[name]) for name in due]
    unsure = [(chance, missed) for chance, missed in chances if 0.02 < chance < 0.98]
    assert len(unsure) > 30
    assert statistics.mean(chance for chance, _ in unsure) == pytest.approx(
        statistics.mean(missed for _, missed in unsure), abs=0.12
    )
