"""What a forecast of a large mesh costs: one call for all products, beside reading as many rows of what it is made of.

    python benchmarks/forecast_speed.py [PRODUCTS]

Bar: 200 ms at 8,339 products with 5,415 dependencies, in the evening before, when everything is open, and in the morning, when half of it has ended.
"""

import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from tests.forecast_day import Graph, Habits, learn, mesh, promised  # noqa: E402
from tests.state_server import of_a_benchmark  # noqa: E402
from tests.state_world import World, at, new_world  # noqa: E402

ON = date(2026, 11, 20)
ROUNDS = 7
PLAIN = """SELECT count(u.ranked[45] + u.shifts[5]), count(r.status) FROM data_product p LEFT JOIN data_product_status r ON r.product_id = p.product_id AND r.business_date = %s
    LEFT JOIN usual_time u ON u.product_id = p.product_id"""


def layered(products: int) -> Graph:
    """A third are feeds; every other product waits for one, in chains of up to fourteen."""
    feeds = products * 2924 // 8339
    draw = Random(1)  # noqa: S311
    layers = [[f"raw/f{n}" for n in range(feeds)]]
    made = feeds
    while made < products:
        size = min(products - made, max(1, (products - feeds) // 14 + 1))
        layers.append([f"d{n % 40}/product-of-the-mesh-{n}" for n in range(made, made + size)])
        made += size
    return {
        name: [draw.choice(layers[number - 1])] if number else []
        for number, layer in enumerate(layers)
        for name in layer
    }


def settled(world: World, now: str) -> None:
    """What is usually ready by then has come or has been done."""
    world.sql(
        "UPDATE data_product_status r SET status = 'COMPLETED', event = 'completed', released_at = opened_at, started_at = opened_at, finished_at = opened_at + interval '1 hour' "
        "FROM usual_time u WHERE u.product_id = r.product_id AND u.kind = 'ready' AND r.business_date = %s AND r.business_date + make_interval(secs => u.ranked[45]) < %s",
        ON, at(now),
    )  # fmt: skip
    world.sql("ANALYZE")


def timed(ask: Callable[[], Any]) -> float:
    """The median, in milliseconds."""
    ask()
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        found.append(time.perf_counter() - began)
    return statistics.median(found) * 1000


def measure(world: World, now: str) -> dict[str, int | float]:
    plain = timed(lambda: world.sql(PLAIN, ON))
    rows = "SELECT count(*) FROM forecast(%s, %s)"
    columns = "SELECT count(*) FROM forecast_columns(%s, NULL, false, '', %s)"
    of_rows, of_columns = (timed(partial(world.sql, query, ON, at(now))) for query in (rows, columns))
    return {
        "plain scan ms": round(plain),
        "forecast ms": round(of_rows),
        "answer ms": round(of_columns),
        "answer / plain scan": round(of_columns / plain, 1),
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8339
    with of_a_benchmark() as server, new_world(server) as world:
        prepare(world, layered(count))
        print("evening", measure(world, f"{ON} 00:20"), flush=True)
        settled(world, f"{ON} 05:30")
        print("morning", measure(world, f"{ON} 05:30"), flush=True)


def prepare(world: World, graph: Graph) -> None:
    known = learn(world, Habits(graph, Random(1)), ON, 90)  # noqa: S311
    due = promised(known, (name for name, needs in graph.items() if needs))
    world.load(mesh(graph, due), at("2026-11-19 12:00"))
    world.state.open_due_runs(at(f"{ON} 00:15"), "scheduler")
    world.sql("ANALYZE")


if __name__ == "__main__":
    main()
