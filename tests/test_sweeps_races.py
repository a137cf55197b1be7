"""Openings and files on several connections at once: each file is taken once, by one opening, and an older version never after a newer one."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from headgate.local.postgres import Postgres
from state.database import Database
from tests.query_plans import Explained
from tests.state_acting import Acting
from tests.state_files import seen, sweeping
from tests.state_steps import LOADED
from tests.state_world import SOAK, World, at, client, daily, new_world
from tests.test_state_concurrency import together

NOON = at("2026-11-20 12:00")
VERSIONS = ["5", "59F", "5A", "0600"]  # as they were put: padded on the right, 0600 < 5 < 59F < 5A
HOURS = [f"{hour:02}:00" for hour in range(24)]


def order(version: str) -> str:
    return version.ljust(32, "0")


def messages(rng: random.Random, files: dict[str, Any]) -> list[dict[str, Any]]:
    """Objects in several versions, some of them empty and some reported twice, in any order."""
    given = []
    for name in ("EU", "US", "AP", "JP", "CH", "UK"):
        for version in rng.sample(VERSIONS, rng.randint(1, 3)):
            file = seen(files, f"positions_{name}.csv", NOON, version, size=rng.choice([10, 10, 10, 0]))
            given += [file] * rng.choice([1, 1, 2])
    rng.shuffle(given)
    return given


def check(world: World, given: list[dict[str, Any]]) -> None:
    """After a last opening no file waits, and each that counts is of the one opening that took it."""
    rows = world.sql(
        "SELECT key, substr(version_id, 2), size, status, counts, business_date, cycle, file_id FROM landing_file"
    )
    assert {(key, version) for key, version, *_ in rows} == {(each["key"], each["sequencer"]) for each in given}
    taken: dict[str, list[tuple[Any, str]]] = {}
    for key, version, size, status, counts, date, cycle, _ in rows:
        assert (date is None) == (status in ("SUPERSEDED", "REJECTED")), (key, version, status)
        assert (status == "REJECTED") == (size == 0), (key, version, status)
        if date is not None:
            assert counts
            taken.setdefault(key, []).append(((date, cycle), order(version)))
    for key, each in taken.items():
        assert [version for _, version in sorted(each)] == sorted(version for _, version in each), (
            f"{key}: an older one was taken later"
        )
        assert len({opening for opening, _ in each}) == len(each), f"{key}: two versions in one sweep"
    for key in {each["key"] for each in given}:
        last = max((version for k, version, *_ in rows if k == key), key=order)
        newest = next(row for row in rows if row[:2] == (key, last))
        assert newest[3] == ("REJECTED" if newest[2] == 0 else "RECEIVED"), "the newest is never lost"
    sets = {(date, cycle) for date, cycle in world.sql("SELECT business_date, cycle FROM landing_set")}
    assert sets == {opening for each in taken.values() for opening, _ in each}
    arrived = world.sql("SELECT business_date, cycle FROM refresh_event WHERE product_id = 'raw/positions#files'")
    assert sorted(arrived) == sorted(sets), "a set arrives once"
    runs = world.sql("SELECT business_date, cycle, status, released_at IS NOT NULL FROM data_product_status")
    assert all(
        (status, released) == (("WAITING", True) if (date, cycle) in sets else ("SKIPPED", False))
        for date, cycle, status, released in runs
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3 * SOAK))
def test_every_file_is_of_one_opening(world: World, seed: int) -> None:
    """Two workers record files while two schedulers open the hours of a day."""
    rng = random.Random(seed)  # noqa: S311
    world.load({"raw/positions": sweeping(schedule=daily(*HOURS))}, LOADED)
    given = messages(rng, sweeping()["files"])
    size = rng.choice([1, 2, 5])
    parts = [given[start : start + size] for start in range(0, len(given), size)]
    hours = [LOADED + timedelta(hours=hour) for hour in range(1, 20)]
    workers = [Acting(Database(client(world.url))) for _ in range(4)]

    def deliver(worker: Acting, mine: list[list[dict[str, Any]]]) -> None:
        for part in mine:
            worker.record_files(part, NOON)

    def opens(worker: Acting, mine: list[datetime]) -> None:
        for now in mine:
            assert worker.open_due_runs(now, "scheduler").failed == []

    together(
        partial(deliver, workers[0], parts[::2]), partial(deliver, workers[1], parts[1::2]),
        partial(opens, workers[2], hours[::2]), partial(opens, workers[3], hours[1::2]),
    )  # fmt: skip
    world.state.open_due_runs(LOADED + timedelta(hours=23), "scheduler")
    check(world, given)


FILES = 50_000 if SOAK > 1 else 4_000


@pytest.mark.slow
def test_an_opening_reads_the_files_that_wait_and_no_others(postgres: Postgres) -> None:
    """With plans that were made when the tables were empty."""
    pattern = r"positions_(?P<number>\d+)\.csv"
    files = sweeping(pattern=pattern)["files"]
    with new_world(postgres) as world:
        world.load({"raw/positions": sweeping(schedule=daily(*HOURS), pattern=pattern)}, LOADED)
        session = Explained(world.dsn, plan_cache_mode="force_generic_plan")
        session.state.open_due_runs(LOADED + timedelta(hours=1), "scheduler")
        for start in range(0, FILES, 1000):
            world.state.record_files([seen(files, f"positions_{start + each}.csv", NOON) for each in range(1000)], NOON)
        world.state.open_due_runs(LOADED + timedelta(hours=1), "scheduler")
        newer = [seen(files, f"positions_{each}.csv", NOON, "2") for each in range(100)]
        world.state.record_files(newer, NOON)
        calls: dict[str, Callable[[Acting], Any]] = {
            "record": lambda state: state.record_files(
                [{**each, "version_id": "v3", "sequencer": "3"} for each in newer], NOON
            ),
            "open": lambda state: state.open_due_runs(LOADED + timedelta(hours=2), "scheduler"),
            "list": lambda state: state.files_page("raw/positions", None, None, None, None, "", 50),
            "status": lambda state: state.status_of_day(LOADED.date(), None, "", 50, NOON),
        }
        for name, call in calls.items():
            call(session.state)
            of_files = [each for each in session.scans if each.table == "landing_file"]
            assert [str(each) for each in of_files if each.examined > 1500] == [], name
            assert [str(each) for each in of_files if each.node == "Seq Scan" and each.examined] == [], name
        world.state.open_due_runs(LOADED + timedelta(hours=2), "scheduler")
        taken = "SELECT cycle, count(*)::integer FROM landing_file GROUP BY 1 ORDER BY 1"
        assert world.sql(taken) == [("0100", FILES), ("0200", 100)]
        session.connection.close()
