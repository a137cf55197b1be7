"""What a run leaves in the state for good: the growth of each table and its indexes over days of whole runs, vacuumed each night.

    python benchmarks/state_growth.py [PRODUCTS] [DAYS]

A run here waits for five inputs, has one Glue job, completes, and its refresh event is received; names, ARNs and task tokens are as long
as on AWS.
"""

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from tests.state_server import of_a_benchmark  # noqa: E402
from tests.state_world import World, at, external, new_world, product  # noqa: E402

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAA" * 28  # 700 characters; a token of Step Functions differs in all of it
ARN = "arn:aws:states:us-east-1:123456789012:execution:headgate-production-positions-"
UPSTREAM = [f"reference-data/source-table-{number}" for number in range(10)]


def growth(world: World, products: int, days: int) -> dict[str, int]:
    """Bytes a run, by table with its indexes, and in all; the first day is not counted."""
    mesh = {name: external() for name in UPSTREAM}
    mesh |= {
        f"positions/daily-by-account-{n}": product([UPSTREAM[(n + k) % 10] for k in range(5)], name=f"p{n}")
        for n in range(products)
    }
    world.load(mesh, at("2026-01-01 00:00"))
    morning = at("2026-01-01 06:00")
    _day(world, morning)
    before = _sizes(world)
    for _ in range(days):
        morning += timedelta(days=1)
        _day(world, morning)
    after = _sizes(world)
    grown = {name: round((size - before[name]) / products / days) for name, size in after.items()}
    return {
        "all": sum(grown.values()),
        **{name: size for name, size in sorted(grown.items(), key=lambda one: -one[1]) if size},
    }


def _day(world: World, now: datetime) -> None:
    state, day = world.state, now.date()
    state.open_due_runs(now, "scheduler")
    state.finish_effects(_done(world), now)
    runs = world.sql("SELECT run_id, product_id FROM data_product_status WHERE business_date = %s", day)
    for run, _ in runs:
        state.register_wait(run, 1, f"{TOKEN}{run}", f"{ARN}{run}", now)
    for name in UPSTREAM:
        world.event(name, str(day), now + timedelta(hours=1))
    for run, name in runs:
        job = f"jr_{run.hex}{run.hex}"
        state.begin_pipeline(run, 1, f"{ARN}{run}", now)
        state.record_job_start(run, 1, "build", "glue", f"{name}-build", job, {}, f"{TOKEN}{job}", now)
        state.record_job_states([{"job_run_id": job, "job": f"{name}-build", "state": "SUCCEEDED"}], now)
        state.finish_attempt(run, 1, "COMPLETED", None, None, now)
        world.event(name, str(day), now + timedelta(hours=2), run_id=str(run), attempt=1, account="123456789012")
    while done := _done(world):
        state.finish_effects(done, now)
    world.sql("VACUUM")


def _done(world: World) -> list[dict[str, object]]:
    due = world.sql("SELECT effect_id FROM effect WHERE done_at IS NULL LIMIT 5000")
    return [{"effect_id": effect, "outcome": ARN + "x" * 36, "retry_seconds": None} for (effect,) in due]


def _sizes(world: World) -> dict[str, int]:
    return dict(
        world.sql(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    )


def main() -> None:
    products = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    with of_a_benchmark() as server, new_world(server) as world:
        print(json.dumps(growth(world, products, days), indent=2))


if __name__ == "__main__":
    main()
