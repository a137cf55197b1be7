"""Several workers at once on real PostgreSQL: the last arrivals meet, openings meet events, and the classic bug is caught."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from effects import Performer
from state.calls import State
from state.database import Database
from state.migrate import statements
from tests.fake_aws import FakeAws
from tests.state_acting import Acting
from tests.state_world import World, at, client, external, product

INPUTS = [f"raw/r{number}" for number in range(6)]
LOADED, SIX = at("2026-11-20 00:00"), at("2026-11-20 06:00")
TRANSITIONS = Path(__file__).parent.parent / "functions/state/transitions"
ROUNDS = 12

pytestmark = pytest.mark.slow


def together(*actions: Callable[[], Any]) -> list[Any]:
    """Runs the actions at the same moment, each as a worker of its own."""
    start = threading.Barrier(len(actions))

    def one(action: Callable[[], Any]) -> Any:
        start.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [each.result() for each in [pool.submit(one, action) for action in actions]]


def arrival(world: World, name: str, day: str) -> Callable[[], Any]:
    worker = World(Database(client(world.url)), world.dsn, lambda: world.url)
    return lambda: worker.event(name, day, SIX)


def days() -> list[str]:
    return [f"2026-12-{number:02}" for number in range(1, ROUNDS + 1)]


def test_the_last_arrivals_release_a_run_exactly_once(world: World) -> None:
    world.load({**{name: external() for name in INPUTS}, "d/x": product(INPUTS)}, LOADED)
    for day in days():
        world.state.open_due_runs(at(f"{day} 06:00"), "scheduler")
        run = world.run("d/x", day)["run_id"]
        waiting = Database(client(world.url))
        actions = [arrival(world, name, day) for name in (*INPUTS, *INPUTS[:2])]

        def wait(run: UUID = run, waiting: Database = waiting) -> Any:
            return waiting.call("register_wait", run, 1, f"token {run}", "arn:x", SIX)

        together(*actions, wait)
    assert len(world.released()) == ROUNDS
    assert world.sql("SELECT count(*) FROM effect WHERE kind = 'task_success'") == [(ROUNDS,)]
    assert (
        world.sql(
            "SELECT count(DISTINCT released_at) FROM data_product_status_history WHERE released_at IS NOT NULL GROUP BY run_id"
        )
        == [(1,)] * ROUNDS
    )


def test_an_event_never_falls_between_opening_and_arrival(world: World) -> None:
    world.load({"raw/a": external(), **{f"d/x{n}": product("raw/a", name=f"x{n}") for n in range(40)}}, LOADED)
    for day in days():
        opener = Database(client(world.url))
        together(partial(opener.call, "open_due_runs", at(f"{day} 06:00"), "scheduler"), arrival(world, "raw/a", day))
        (missing,) = world.sql(
            "SELECT count(*) FROM data_product_status WHERE released_at IS NULL AND business_date = %s", day
        )
        assert missing == (0,)


def test_first_events_that_open_a_run_together_all_count(world: World) -> None:
    world.load({**{name: external() for name in INPUTS}, "d/x": product(INPUTS, schedule=None)}, LOADED)
    for day in days():
        together(*(arrival(world, name, day) for name in INPUTS))
    assert len(world.released()) == ROUNDS


def test_effects_are_handed_to_one_worker_each(world: World) -> None:
    world.load({f"d/x{n}": product(name=f"x{n}") for n in range(150)}, LOADED)
    world.state.open_due_runs(SIX, "scheduler")
    aws = FakeAws()
    workers = [Performer(State(Database(client(world.url))), aws.client) for _ in range(4)]

    done = together(*(partial(worker.perform_due, lambda: SIX) for worker in workers))

    assert sum(done) == len(aws.executions) == 150
    assert world.sql("SELECT max(tries) FROM effect") == [(1,)]


def test_effects_that_a_worker_is_claiming_are_neither_waited_for_nor_claimed_twice(world: World) -> None:
    world.load({f"d/x{n}": product(name=f"x{n}") for n in range(6)}, LOADED)
    world.state.open_due_runs(SIX, "scheduler")
    claim = "SELECT effect_id FROM claim_effects(4, %s, interval '2 minutes')"
    with psycopg.connect(world.dsn) as one, psycopg.connect(world.dsn) as other:  # neither commits before the end
        other.execute("SET lock_timeout = '5s'")
        first = {row[0] for row in one.execute(claim, [SIX])}
        second = {row[0] for row in other.execute(claim, [SIX])}
    assert (len(first), len(second)) == (4, 2)
    assert not first & second


def test_the_machines_own_outcome_and_its_end_as_an_event_are_recorded_once(world: World) -> None:
    """The event of a machine's end, received twice, meets its recorder; the work that runs is stopped by the winner alone."""
    notify = [{"on": ["ERROR"], "level": "product", "slack": ["#a"]}]
    world.load({"d/x": product(notify=notify)}, LOADED)
    first = 0
    for day in days():
        world.state.open_due_runs(at(f"{day} 06:00"), "scheduler")
        run = world.run("d/x", day)["run_id"]
        world.state.begin_pipeline(run, 1, None, SIX)
        world.state.record_job_start(run, 1, "build", "glue", "j", f"jr {day}", {}, f"job {day}", SIX)
        states = [Acting(Database(client(world.url))) for _ in range(3)]
        given = (run, 1, "States.Runtime", "", True, 2, "monitor", SIX)
        recorder = partial(states[2].record_outcome, run, 1, "ERROR", "JobFailed", None, SIX, "machine")
        ends = together(*(partial(state.end_lost_machine, *given) for state in states[:2]), recorder)

        recorded = [end for end in ends[:2] if end.recorded]
        assert len(recorded) == (1 if ends[2].repeated else 0), "the recorder is first, or repeats what is recorded"
        first += len(recorded)
        row = world.run("d/x", day)
        assert (row["attempt"], row["status"]) == ((2, "WAITING") if recorded else (1, "ERROR"))
        assert (row["released_at"] is None) == bool(recorded), "the next attempt waits for the work that is stopped"
        failures = "SELECT count(*) FROM data_product_status_history WHERE run_id = %s AND event = 'failed'"
        assert world.sql(failures, run) == [(1,)]
    assert world.sql("SELECT count(*) FROM job_run WHERE stop_asked_at IS NOT NULL") == [(first,)]


def test_pipelines_begin_once(world: World) -> None:
    world.load({"d/x": product(notify=[{"on": ["STARTED"], "level": "product", "slack": ["#a"]}])}, LOADED)
    for day in days():
        world.state.open_due_runs(at(f"{day} 06:00"), "scheduler")
        run = world.run("d/x", day)["run_id"]
        states = [State(Database(client(world.url))) for _ in range(4)]
        first, *others = together(*(partial(state.begin_pipeline, run, 1, None, SIX) for state in states))
        assert others == [first] * 3
    events = "SELECT count(*) FROM data_product_status_history WHERE event = 'started'"
    assert world.sql(events) == world.sql("SELECT count(*) FROM effect WHERE kind = 'alert'") == [(ROUNDS,)]


def test_checking_without_the_lock_loses_a_run_and_is_caught(world: World) -> None:
    """The classic bug, planted: each of two last arrivals checks, finds the other missing, and neither releases."""
    events = (
        (TRANSITIONS / "40_events.sql")
        .read_text("utf-8")
        .replace(
            "    -- the machine did publish",
            "    PERFORM pg_sleep(0.3);  -- time for the other to look, too\n    -- the machine did publish",
        )
    )
    attempts = (TRANSITIONS / "45_attempts.sql").read_text("utf-8")
    planted = attempts.replace("ORDER BY run_id FOR UPDATE) locked", "ORDER BY run_id) locked")
    assert events.count("pg_sleep") == 1
    assert planted != attempts
    for statement in (*statements(events), *statements(planted)):
        world.direct().execute(statement)
    world.load({**{name: external() for name in INPUTS[:2]}, "d/x": product(INPUTS[:2])}, LOADED)
    for day in days()[:4]:
        world.state.open_due_runs(at(f"{day} 06:00"), "scheduler")
        together(*(arrival(world, name, day) for name in INPUTS[:2]))

    assert len(world.released()) < 4, "with the bug planted, this file's first test would fail"
    assert (
        world.state.repair(at("2026-12-05 00:00")).released == 4 - len(world.released()) or len(world.released()) == 4
    )


def test_two_loaders_at_once_migrate_once(postgres: Any) -> None:
    import psycopg

    from headgate.local.data_api import DataApi
    from headgate.local.data_api_server import served
    from state.migrate import migrate

    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE two_loaders")
    with served(DataApi(postgres.dsn("two_loaders"))) as url:
        applied = together(*(lambda: migrate(Database(client(url))) for _ in range(2)))
        assert sorted(len(each) for each in applied)[0] == 0
        assert migrate(Database(client(url))) == []
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE two_loaders WITH (FORCE)")
