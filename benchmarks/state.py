"""The state's transitions beside the floor of the same rows put in by plain psycopg, in one run on one server.

    python benchmarks/state.py [RUNS] [ROUNDS]

Bars: opening 10,000 runs with 50,000 dependencies within 3 times the floor; one event that releases 200 runs answers in
50 ms and hands everything due out in one page; a million rows of history change none of it; importing a handler costs at
most 15 % more than boto3 and its clients. Prints the bytes a run leaves (`state_growth`); `state_plans` has statistics and a year of history.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from benchmarks.state_growth import growth  # noqa: E402
from tests.state_server import of_a_benchmark  # noqa: E402
from tests.state_world import World, at, external, new_world, product  # noqa: E402

TABLES = ("data_product_status", "data_product_dependencies_events_status", "data_product_status_history",
          "data_product_dependencies_events_status_history", "effect")  # fmt: skip
HANDLERS = (
    "scheduler",
    "refresh_events",
    "dependency_gate",
    "pipeline_configuration",
    "job_tracker",
    "job_status",
    "outcome_recorder",
    "monitor",
    "operate",
    "metadata_loader",
)


def timed(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def copy_rows(world: World) -> float:
    """The floor: the very rows that opening wrote, put into tables of the same indexes, in one transaction."""
    with psycopg.connect(world.dsn) as connection:
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}
        for name in TABLES:
            connection.execute(f"CREATE TABLE floor_{name} (LIKE {name} INCLUDING ALL)")
        connection.commit()

        def insert() -> None:
            for name, found in rows.items():
                places = ", ".join(["%s"] * len(found[0]))
                adapted = [
                    tuple(json.dumps(value) if isinstance(value, dict) else value for value in row) for row in found
                ]
                connection.cursor().executemany(
                    f"INSERT INTO floor_{name} OVERRIDING SYSTEM VALUE VALUES ({places})", adapted
                )
            connection.commit()

        seconds = timed(insert)
        for name in TABLES:
            connection.execute(f"DROP TABLE floor_{name}")
        return seconds


def opening(world: World, count: int, day: datetime) -> float:
    return timed(lambda: world.state.open_due_runs(day, "scheduler"))


def release(world: World, day: datetime) -> tuple[float, int, int]:
    """One event for 200 runs whose machines wait: seconds of the call, runs released, effects in the first page."""
    world.sql("UPDATE effect SET done_at = now() WHERE done_at IS NULL")
    world.sql(
        "UPDATE data_product_status SET task_token = run_id::text WHERE product_id LIKE 'd/w%%' AND business_date = %s",
        day.date(),
    )
    seconds = timed(lambda: world.event("raw/trigger", str(day.date()), day))
    (released,) = world.sql(
        "SELECT count(*) FROM data_product_status WHERE product_id LIKE 'd/w%%' AND business_date = %s AND released_at IS NOT NULL",
        day.date(),
    )[0]
    return seconds, released, len(world.state.claim_effects(500, day, timedelta(seconds=60)))


def imports(rounds: int) -> dict[str, float]:
    """Seconds to import each handler, over those of boto3 and the clients it makes, in processes of their own."""
    base = "import boto3; from botocore.config import Config; [boto3.client(name) for name in {clients}]"
    ratios = {}
    for name in HANDLERS:
        clients = ["rds-data", "stepfunctions", "events", "sns"]
        mine = f"import sys; sys.path.insert(0, 'functions'); import {name}; import boto3; [boto3.client(name) for name in {clients}]"
        pairs = [(_process(mine), _process(base.format(clients=clients))) for _ in range(rounds)]
        ratios[name] = round(statistics.median(ours / floor for ours, floor in pairs), 3)
    return ratios


def _process(code: str) -> float:
    return timed(lambda: subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with of_a_benchmark() as server, new_world(server) as world:
        upstream = [f"raw/r{number}" for number in range(50)]
        mesh = {name: external() for name in [*upstream, "raw/trigger"]}
        mesh |= {
            f"d/x{n}": product([upstream[(n + k) % 50] for k in range(5)], name=f"x{n}") for n in range(count - 200)
        }
        mesh |= {f"d/w{n}": product("raw/trigger", name=f"w{n}") for n in range(200)}
        world.load(mesh, at("2026-01-01 00:00"))
        world.sql("UPDATE data_product_schedule SET opened_until = '2026-01-01 00:00Z'")
        day = at("2026-01-01 06:00")
        results: dict[str, Any] = {}
        openings: dict[str, float] = {}
        for label in ("", " with 1,000,000 rows of history"):
            if label:
                _fill_history(world)
            floors, seconds, calls, pages = [], [], [], []
            for _ in range(rounds + 1):  # the first warms up
                seconds.append(opening(world, count, day))
                floors.append(1.0 if label else copy_rows(world))
                took, released, page = release(world, day)
                calls.append(took)
                pages.append((released, page))
                _clear(world)
                day += timedelta(days=1)
            openings[label] = statistics.median(seconds[1:])
            if not label:
                ratios = [ours / floor for ours, floor in zip(seconds[1:], floors[1:], strict=True)]
                results["opening / floor"] = round(statistics.median(ratios), 2)
            results["opening, seconds" + label] = round(openings[label], 3)
            results["release of 200, ms" + label] = round(1000 * statistics.median(calls[1:]), 1)
            results["released, in the first page" + label] = pages[-1]
        results["opening with history / without"] = round(openings[label] / openings[""], 2)
        with new_world(server) as world:
            results["bytes a run"] = growth(world, 100, 2)
    results["import / boto3 and clients"] = imports(max(rounds, 3))
    print(json.dumps(results, indent=2))


def _clear(world: World) -> None:
    world.sql(
        "TRUNCATE data_product_dependencies_events_status, job_run, data_product_status, effect, refresh_event CASCADE"
    )
    world.sql("DELETE FROM data_product_status_history WHERE changed_by <> 'filler'")
    world.sql("DELETE FROM data_product_dependencies_events_status_history WHERE status <> 'filler'")
    world.sql("VACUUM ANALYZE")


def _fill_history(world: World) -> None:
    world.sql(
        "INSERT INTO data_product_status_history (run_id, product_id, business_date, cycle, attempt, status, event, changed_at, changed_by) "
        "SELECT gen_random_uuid(), 'd/x' || mod(n, 10000), '2025-01-01'::date + n / 10000, '', 1, 'COMPLETED', 'completed', now(), 'filler' FROM generate_series(1, 500000) n"
    )
    world.sql(
        "INSERT INTO data_product_dependencies_events_status_history (run_id, leaf, cycle, upstream, status, event, changed_at) "
        "SELECT gen_random_uuid(), 1, '*', 'raw/r', 'filler', 'opened', now() FROM generate_series(1, 500000) n"
    )
    world.sql("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
