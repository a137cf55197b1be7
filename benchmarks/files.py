"""Recording files that land, and planning their batches, beside the floors on one server: the same rows put in by plain inserts of a thousand, into a table of
the same indexes, and the same rows changed by one plain update.

    python benchmarks/files.py [FILES]

Bars: recording 50,000 files of one date, which are complete with the last, within 3 times the floor; planning them within twice the floor, and
within a second on an idle machine: a plain update of the rows touches no index, and each costs it a row of history.
"""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from headgate.local.postgres import running  # noqa: E402
from tests.state_files import positions, seen, source  # noqa: E402
from tests.state_world import ENVIRONMENT, World, at, make_template, new_world, step  # noqa: E402

LOADED, SIX = at("2026-11-20 00:00"), at("2026-11-20 06:00")
CHUNK, BAR, PLANNING_BAR = 1000, 3, 2
BATCHES = {"batches": {"max_files": 200, "max_bytes": "5GB", "parallel": 10, "tries": 3}}
PATTERN = {"pattern": r"p_(?P<date>\d{8})_(?P<number>\d+)\.csv"}


def recorded(world: World, count: int) -> float:
    files = source({"count": count}, **PATTERN)
    loading = {"timeout": None, "steps": [{**step("load"), "settings": BATCHES}]}
    world.load({"raw/positions": {**positions({"count": count}, **PATTERN), "pipeline": loading}}, LOADED)
    given = [seen(files, f"p_20261120_{number}.csv", SIX) for number in range(count)]
    seconds = 0.0
    for start in range(0, count, CHUNK):
        started = time.perf_counter()
        answer = world.state.record_files(given[start : start + CHUNK], SIX + timedelta(seconds=start))
        seconds += time.perf_counter() - started
    assert answer.released == 1, "the last file completes the set"
    return seconds


def inserted(world: World) -> float:
    """The rows that recording left, in transactions of as many."""
    with psycopg.connect(world.dsn) as connection:
        columns = [row[0] for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'landing_file'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum")]  # fmt: skip
        rows: list[Any] = connection.execute("SELECT to_jsonb(f) FROM landing_file f ORDER BY file_id").fetchall()
        connection.execute("CREATE TABLE floor (LIKE landing_file INCLUDING ALL)")
        connection.commit()
        given = [[row for (row,) in rows[start : start + CHUNK]] for start in range(0, len(rows), CHUNK)]
        started = time.perf_counter()
        for chunk in given:
            connection.execute(
                f"INSERT INTO floor ({', '.join(columns)}) OVERRIDING SYSTEM VALUE SELECT {', '.join(columns)} FROM jsonb_populate_recordset(NULL::floor, %s)",
                (Jsonb(chunk),),
            )
            connection.commit()
        return time.perf_counter() - started


def planned(world: World) -> tuple[float, float]:
    """Seconds of all plans, and of plain updates of as many rows, each with a row of history."""
    run = world.run("raw/positions", "2026-11-20")["run_id"]
    world.state.begin_pipeline(run, 1, "execution", SIX)
    plans = floor = 0.0
    wave = 0
    with psycopg.connect(world.dsn, autocommit=True) as connection:
        while True:
            wave += 1
            started = time.perf_counter()
            answer = world.state.plan_batches(run, 1, "load", str(wave), SIX)
            plans += time.perf_counter() - started
            if answer.decision != "load":
                return plans, floor
            started = time.perf_counter()
            connection.execute(
                "UPDATE landing_file SET status = 'PROCESSED', changed_at = %s WHERE status = 'CLAIMED'", [SIX]
            )
            floor += time.perf_counter() - started


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    os.environ.update(ENVIRONMENT)
    with running() as postgres:
        make_template(postgres)
        with new_world(postgres) as world:
            seconds = recorded(world, count)
            floor = inserted(world)
            plans, update = planned(world)
    factor, planning = seconds / floor, plans / update
    print(
        f"recording {count:,} files: {seconds:.2f} s, {count / seconds:,.0f} a second; plain inserts {floor:.2f} s; {factor:.2f} times the floor, at most {BAR}"
    )
    print(
        f"planning {count:,} files: {plans:.2f} s; plain updates {update:.2f} s; {planning:.2f} times the floor, at most {PLANNING_BAR}"
    )
    return int(factor > BAR or planning > PLANNING_BAR)


if __name__ == "__main__":
    sys.exit(main())
