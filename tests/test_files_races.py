"""Files on several connections at once, in any order and with any repetition: no file is lost, an older version never wins, a set arrives once a generation."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from headgate.local.postgres import Postgres
from state.database import Database
from state.errors import StateError
from tests.query_plans import Explained
from tests.state_acting import Acting
from tests.state_files import land, positions, seen, source
from tests.state_steps import LOADED, SIX
from tests.state_world import SOAK, World, client, new_world
from tests.test_state_concurrency import together

REGIONS = ["EU", "US", "AP"]
DAYS = [f"202612{day:02}" for day in range(1, 5)]
VERSIONS = ["5", "59F", "5A", "0600"]  # as they were put: padded on the right, 0600 < 5 < 59F < 5A


def newest(versions: list[str]) -> str:
    return max(versions, key=lambda each: each.ljust(32, "0"))


def messages(rng: random.Random, files: dict[str, Any]) -> list[dict[str, Any]]:
    """Each file of each day in several versions, some of them reported twice, in any order."""
    given = []
    for day in DAYS:
        for region in REGIONS:
            for version in rng.sample(VERSIONS, rng.randint(1, 3)):
                size = rng.choice([10, 10, 10, 0])
                file = seen(files, f"positions_{region}_{day}.csv.gz", SIX, version, size=size)
                given += [file] * rng.choice([1, 1, 2])
    rng.shuffle(given)
    return given


def check(world: World, given: list[dict[str, Any]]) -> None:
    """What is in the database is what follows from all messages, in whatever order they came."""
    versions: dict[str, dict[str, int]] = {}
    for each in given:
        versions.setdefault(each["key"], {})[each["sequencer"]] = each["size"]
    found: dict[str, dict[str, tuple[bool, str]]] = {}
    for key, version, counts, status in world.sql(
        "SELECT key, substr(version_id, 2), counts, status FROM landing_file"
    ):
        found.setdefault(key, {})[version] = (counts, status)
    assert {key: set(each) for key, each in found.items()} == {key: set(each) for key, each in versions.items()}
    for key, sizes in versions.items():
        last = newest([*sizes])
        for version, size in sizes.items():
            good = "RECEIVED" if version == last else "SUPERSEDED"
            assert found[key][version] == (version == last, "REJECTED" if size == 0 else good), (key, version)
    complete = {day for day in DAYS if all(
        (of := versions[f"custodian/positions/positions_{region}_{day}.csv.gz"])[newest([*of])] for region in REGIONS)}  # fmt: skip
    dates = {f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in complete}
    arrived = {
        str(date) for (date,) in world.sql("SELECT business_date FROM refresh_event WHERE superseded_at IS NULL")
    }
    released = {
        str(date)
        for (date,) in world.sql("SELECT business_date FROM data_product_status WHERE released_at IS NOT NULL")
    }
    assert dates <= arrived, "each set that is complete has arrived"
    assert arrived == released
    assert world.sql("SELECT count(*) FROM data_product_status") == [(len(DAYS),)]
    generations = "SELECT business_date, array_agg(attempt ORDER BY attempt) FROM refresh_event GROUP BY 1"
    assert all(each == list(range(1, len(each) + 1)) for _, each in world.sql(generations))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2 * SOAK))
def test_any_order_on_several_connections_ends_as_the_messages_say(world: World, seed: int) -> None:
    rng, files = random.Random(seed), source()  # noqa: S311
    world.load({"raw/positions": positions()}, LOADED)
    given = messages(rng, files)
    size = rng.choice([3, 7, 20])
    parts = [given[start : start + size] for start in range(0, len(given), size)]
    workers = [Acting(Database(client(world.url))) for _ in range(3)]

    def deliver(worker: Acting, mine: list[list[dict[str, Any]]]) -> None:
        for part in mine:
            while True:
                try:
                    worker.record_files(part, SIX)
                    break
                except StateError as error:  # a deadlock would be told as unavailable
                    raise AssertionError(str(error)) from error

    together(*[partial(deliver, each, parts[number::3]) for number, each in enumerate(workers)])
    check(world, given)


def test_of_two_versions_at_once_the_newer_counts(world: World) -> None:
    """Each waits for the other, on two connections, in both orders."""
    files = source({"count": 1})
    world.load({"raw/positions": positions({"count": 1})}, LOADED)
    for number in range(4):
        name = f"positions_EU_2026120{number + 1}.csv.gz"
        old, new = ([seen(files, name, SIX, version)] for version in ("5", "5A"))
        first, second = (old, new) if number % 2 else (new, old)
        with psycopg.connect(world.dsn) as one, psycopg.connect(world.dsn) as other:
            record = "SELECT record_files(%s, %s)"
            one.execute(record, (Jsonb(first), SIX))
            pipeline = together(lambda: other.execute(record, (Jsonb(second), SIX)), one.commit)  # noqa: B023
            assert pipeline
            other.commit()
    assert world.sql("SELECT count(*), bool_and(version_id = 'v5A') FROM landing_file WHERE counts") == [(4, True)]


def test_what_a_killed_worker_was_recording_is_recorded_when_it_is_delivered_again(world: World) -> None:
    files = source({"count": 2})
    world.load({"raw/positions": positions({"count": 2})}, LOADED)
    given = [seen(files, f"positions_{each}_20261120.csv.gz", SIX) for each in ("EU", "US")]
    connection = psycopg.connect(world.dsn)
    connection.execute("SELECT record_files(%s, %s)", (Jsonb(given), SIX))
    world.sql("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
    connection.close()
    assert world.sql("SELECT count(*) FROM landing_file") == [(0,)]
    assert world.state.record_files(given, SIX).released == 1
    assert world.state.record_files(given, SIX).released == 0


FILES = 50_000 if SOAK > 1 else 4_000
CHUNK = 1000


@pytest.mark.slow
def test_recording_reads_what_it_concerns_however_many_files_there_are(postgres: Postgres) -> None:
    """With plans that were made when the tables were empty. The set of a date is probed by its places, and not read."""
    pattern = r"positions_(?P<region>[A-Z]{2})_(?P<date>\d{8})_(?P<number>\d+)\.csv"
    files = source(pattern=pattern)

    def named(first: int, count: int, day: str = "20261120") -> list[dict[str, Any]]:
        return [seen(files, f"positions_EU_{day}_{number}.csv", SIX) for number in range(first, first + count)]

    with new_world(postgres) as world:
        world.load({"raw/positions": positions(pattern=pattern)}, LOADED)
        session = Explained(world.dsn, plan_cache_mode="force_generic_plan")
        session.state.record_files(named(0, 3), SIX)
        for start in range(0, FILES, CHUNK):
            world.state.record_files(named(start, CHUNK), SIX)
        calls: dict[str, Callable[[Acting], Any]] = {
            "record": lambda state: state.record_files(named(FILES, 100), SIX),
            "repeat": lambda state: state.record_files(named(0, 100), SIX),
            "newer versions": lambda state: state.record_files([{**each, "version_id": "v2", "sequencer": "2"} for each in named(0, 100)], SIX),
            "settle": lambda state: state.settle_files(SIX),
            "list": lambda state: state.files_page("raw/positions", None, None, None, None, "", 50),
            "unmatched": lambda state: state.files_page(None, None, "UNMATCHED", None, None, "", 50),
            "named": lambda state: state.files_page(None, None, None, None, "positions_EU_20261120_77.csv", "", 50),
            "show": lambda state: state.describe_file(7),
            "rematch": lambda state: state.unmatched_files(50, SIX),
            "ticks": lambda state: state.next_ticks(SIX),
        }  # fmt: skip
        for name, call in calls.items():
            call(session.state)
            of_files = [
                each for each in session.scans if each.table.startswith("landing_") and each.table != "landing_source"
            ]
            assert [str(each) for each in of_files if each.examined > 1500] == [], name
            assert [str(each) for each in of_files if each.node == "Seq Scan" and each.examined] == [], name
        session.connection.close()


def moment(minutes: int) -> datetime:
    return SIX + timedelta(minutes=minutes)


def test_a_lost_settling_is_made_up_for_by_the_next_tick(world: World) -> None:
    world.load({"raw/positions": positions({"count": 1}, settle=120)}, LOADED)
    land(world, ["positions_EU_20261120.csv.gz"], SIX)
    look = world.state.next_ticks(SIX).look
    assert look is not None
    assert datetime.fromisoformat(look) == moment(2)
    assert world.state.settle_files(moment(60)) == 1
