"""A year of 700 products a day, and retention: how long it takes, what it moves, what remains.

    python benchmarks/retention.py [PRODUCTS] [DAYS]

DAYS are more than the 100 of which history is kept. First the backlog of the year, then thirty days on which retention runs every day: the database stays as large as it is.
"""

import gzip
import json
import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

import retention  # noqa: E402
from tests.state_history import SIX, TODAY, add_finished_days, load_mesh  # noqa: E402
from tests.state_server import of_a_benchmark  # noqa: E402
from tests.state_world import World, at, new_world  # noqa: E402

KEPT, DAILY = 100, 30
# What a run's later changes and arrivals add to the first entry of its history.
LATER_CHANGES = """
    INSERT INTO data_product_status_history (run_id, product_id, business_date, cycle, attempt, status, event, changed_at, changed_by)
    SELECT run_id, product_id, business_date, cycle, attempt, status, event, changed_at, changed_by
    FROM data_product_status, generate_series(1, 4) WHERE business_date BETWEEN %s AND %s"""
LATER_ARRIVALS = """
    INSERT INTO data_product_dependencies_events_status_history (run_id, leaf, cycle, upstream, status, event, event_key, changed_at)
    SELECT d.run_id, d.leaf, d.cycle, d.upstream, 'ARRIVED', 'arrived', d.event_key, d.changed_at
    FROM data_product_dependencies_events_status d JOIN data_product_status USING (run_id) WHERE business_date BETWEEN %s AND %s"""


class Bucket:
    """Keeps the bytes of what is put; counts its lines."""

    def __init__(self) -> None:
        self.objects = self.bytes = self.lines = 0

    def put_object(self, **given: Any) -> None:
        self.objects += 1
        self.bytes += len(given["Body"])
        self.lines += gzip.decompress(given["Body"]).count(b"\n")


def add_days(world: World, first: Any, days: int) -> None:
    add_finished_days(world, first + timedelta(days), days)
    for statement in (LATER_CHANGES, LATER_ARRIVALS):
        world.sql(statement, first, first + timedelta(days - 1))


def megabytes(world: World) -> float:
    world.sql("VACUUM ANALYZE")
    return round(float(world.sql("SELECT pg_database_size(current_database())")[0][0]) / 2**20, 1)


def rewritten(world: World) -> float:
    """Without the room that is free, and kept by the database for new rows."""
    world.sql("VACUUM FULL")
    return megabytes(world)


def runs(world: World) -> int:
    return int(world.sql("SELECT count(*) FROM data_product_status")[0][0])


def call(world: World, now: Any) -> tuple[float, dict[str, Any]]:
    days = retention.Days(KEPT, 60, 2557)
    work = retention.Retention(world.state, days, "history", now, lambda: 900.0)
    started = time.perf_counter()
    assert work.delete_spent()
    assert work.archive()
    return time.perf_counter() - started, work.report()


def measured(world: World, products: int, days: int) -> dict[str, Any]:
    bucket = Bucket()
    retention.objects = lambda: bucket
    load_mesh(world, products - 40, at("2025-01-01 00:00"))
    first = TODAY - timedelta(days)
    add_days(world, first, days)
    year = {"runs": runs(world), "MiB": megabytes(world)}
    seconds, report = call(world, SIX)
    backlog = {
        "seconds": round(seconds, 1), "archived": report["archived"], "deleted": report["deleted"], "objects": bucket.objects,
        "ms an object": round(1000 * seconds / bucket.objects), "bytes an entry in the archive": round(bucket.bytes / bucket.lines),
        "runs that remain": runs(world), "MiB after VACUUM": megabytes(world), "MiB of what remains": rewritten(world),
    }  # fmt: skip
    daily, sizes = [], []
    for number in range(DAILY):
        add_days(world, TODAY + timedelta(number), 1)
        daily.append(call(world, SIX + timedelta(number + 1))[0])
        sizes.append(megabytes(world))
    return {
        "a year": year, "backlog": backlog,
        f"{DAILY} days": {"seconds a day, median": round(statistics.median(daily), 2), "runs that remain": runs(world), "MiB, first and last": [sizes[0], sizes[-1]]},
    }  # fmt: skip


def main() -> None:
    products = int(sys.argv[1]) if len(sys.argv) > 1 else 700
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 365
    with of_a_benchmark() as server, new_world(server) as world:
        print(json.dumps(measured(world, products, days), indent=2))


if __name__ == "__main__":
    main()
