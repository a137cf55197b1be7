"""What shadow costs in a large mesh: recording the job runs of the existing scheduler, and the report of a day.

    python benchmarks/shadow.py [PRODUCTS]

Beside each of them what PostgreSQL does at least: as many plain inserts, and one look at the rows that the report is made of.
"""

import json
import sys
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from benchmarks.forecast_speed import ON, layered, prepare, timed  # noqa: E402
from inquire import PAGE, _pages  # noqa: E402
from shadow_answers import shadow  # noqa: E402
from tests.forecast_day import Graph  # noqa: E402
from tests.state_server import of_a_benchmark  # noqa: E402
from tests.state_world import World, at, new_world  # noqa: E402

NOW = at(f"{ON} 23:00")
BATCH = 10  # events a call, as the queue gives them
ACCOUNT = "111122223333"
PLAIN_INSERT = """INSERT INTO existing_job_run (job_run_id, type, job, product_id, step, business_date, cycle, state, started_at, ended_at, seen_at)
    SELECT 'plain ' || (j ->> 'job_run_id'), j ->> 'type', j ->> 'job', j ->> 'product_id', j ->> 'step', (j ->> 'business_date')::date, '', j ->> 'state',
        (j ->> 'started_at')::timestamptz, (j ->> 'ended_at')::timestamptz, now() FROM jsonb_array_elements(%s) j"""
PLAIN_READ = """SELECT count(r.status), count(x.started_at), count(d.status) FROM data_product_status r LEFT JOIN existing_run x USING (product_id, business_date, cycle)
    LEFT JOIN data_product_dependencies_events_status d USING (run_id) WHERE r.business_date = %s"""


def job_runs(graph: Graph) -> list[dict[str, Any]]:
    """One of each product, in the order of the graph: half of them start when their inputs have come, a quarter later, a quarter before them."""
    level: dict[str, int] = {}
    for name, needs in graph.items():  # what is needed stands before
        level[name] = max((level[each] + 1 for each in needs), default=0)
    begins, offsets = at(f"{ON} 05:30"), (0, 0, 20, -60)
    found = []
    for number, name in enumerate(each for each, needs in graph.items() if needs):
        inputs = begins + timedelta(minutes=40 * (level[name] - 1))
        starts = inputs + timedelta(minutes=offsets[number % 4])
        found.append({
            "job_run_id": f"jr_{number}", "type": "glue", "job": f"job-{number}", "product_id": name, "step": "build", "business_date": str(ON), "cycle": "",
            "state": "SUCCEEDED", "started_at": starts.isoformat(), "ended_at": (inputs + timedelta(minutes=40)).isoformat(), "problem": None,
        })  # fmt: skip
    return sorted(found, key=lambda each: str(each["ended_at"]))


def feeds(world: World) -> None:
    """What is made elsewhere comes at half past five."""
    names = [name for (name,) in world.sql("SELECT product_id FROM data_product WHERE machine IS NULL ORDER BY 1")]
    came = at(f"{ON} 05:30")
    events = [
        {"event_key": f"came {name}", "product_id": name, "business_date": str(ON), "status": "COMPLETED", "refreshed_at": came.isoformat()}
        for name in names
    ]  # fmt: skip
    for first in range(0, len(events), 100):
        world.state.record_refresh_events(events[first : first + 100], came)


def recorded(world: World, found: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds of all of them, and how many times those of plain inserts."""
    began = perf_counter()
    for first in range(0, len(found), BATCH):
        batch = found[first : first + BATCH]
        world.state.record_existing_jobs(batch, ["glue"], ACCOUNT, datetime.fromisoformat(batch[-1]["ended_at"]))
    ours = perf_counter() - began
    began = perf_counter()
    for first in range(0, len(found), BATCH):
        world.sql(PLAIN_INSERT, json.dumps(found[first : first + BATCH]))
    plain = perf_counter() - began
    world.sql("DELETE FROM existing_job_run WHERE job_run_id LIKE 'plain %%'")
    return {
        "job runs": len(found),
        "recording s": round(ours, 2),
        "recording / plain inserts": round(ours / plain, 1),
    }


def reported(world: World) -> dict[str, float]:
    """Milliseconds of a page and of the whole day, and how many times those of a plain look."""
    plain = timed(lambda: world.sql(PLAIN_READ, ON))
    page = timed(partial(world.state.shadow_page, ON, ON, None, 300, "", PAGE, NOW))
    answer = timed(partial(shadow, world.state, {}, ON, ON, _pages, PAGE, NOW))
    return {
        "plain read ms": round(plain),
        f"page of {PAGE} ms": round(page),
        "answer ms": round(answer),
        "answer / plain read": round(answer / plain, 1),
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8339
    with of_a_benchmark() as server, new_world(server) as world:
        world.state.set_mode(True, True, "benchmark", at(f"{ON} 00:00") - timedelta(days=2))
        graph = layered(count)
        prepare(world, graph)
        feeds(world)
        print(recorded(world, job_runs(graph)), flush=True)
        world.sql("ANALYZE")
        print(reported(world), flush=True)


if __name__ == "__main__":
    main()
