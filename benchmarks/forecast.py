"""What forecasts are worth and what they cost: replayed days of a real dependency graph with seeded delays, against how the days went.

    python benchmarks/forecast.py GRAPH.json [DAYS] [SEED] [MARGIN]

Bars: an hour before each SLA precision and recall of missed SLAs are at least 0.9, and an hour before products are ready the median error is at most a tenth of
the time left. SLAs stand MARGIN minutes (60) after what was kept on 19 days of 20. The delays are those of `tests/forecast_day.py`.
"""

import json
import os
import statistics
import sys
from datetime import date, timedelta
from pathlib import Path
from random import Random

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from headgate.local.postgres import running  # noqa: E402
from tests.forecast_day import Graph, Habits, Score, judge, learn, mesh, promised  # noqa: E402
from tests.state_world import ENVIRONMENT, at, make_template, new_world  # noqa: E402

HISTORY = 90
FIRST = date(2026, 11, 16)  # a Monday


def graph_of(path: Path) -> Graph:
    """The graph with each node after what it waits for; a dependency that closes a cycle is left out."""
    needs = {node["id"]: node["depends_on"] for node in json.loads(path.read_text("utf-8"))["nodes"]}
    placed: dict[str, list[str]] = {}
    open_nodes: set[str] = set()

    def place(node: str) -> None:
        open_nodes.add(node)
        for each in needs[node]:
            if each in needs and each not in placed and each not in open_nodes:
                place(each)
        placed[node] = [each for each in needs[node] if each in placed]

    sys.setrecursionlimit(10_000)
    for node in needs:
        if node not in placed:
            place(node)
    names = {node: f"d/p{number}" for number, node in enumerate(placed)}
    return {names[node]: [names[each] for each in found] for node, found in placed.items()}


def main() -> None:
    graph = graph_of(Path(sys.argv[1]))
    days, seed, margin = (int(each) for each in (*sys.argv[2:], *("5", "1", "60")[len(sys.argv) - 2 :]))
    os.environ.update(ENVIRONMENT)
    habits, score = Habits(graph, Random(seed)), Score()  # noqa: S311
    with running() as server:
        make_template(server)
        with new_world(server) as world:
            known = learn(world, habits, FIRST, HISTORY)
            due = promised(known, graph, margin * 60)
            products = mesh(graph, due)
            due = {name: seconds for name, seconds in due.items() if name in products}
            world.load(products, at(f"{FIRST - timedelta(1)} 12:00"))
            for number in range(days):
                on = FIRST + timedelta(number)
                judge(world, graph, habits.day(on), due, on, score)
                world.sql("ANALYZE")
    report = {
        "products": len(products), "SLAs": len(due) * days, "missed": score.hits + score.misses, "precision": round(score.precision(), 3),
        "recall": round(score.recall(), 3), "median error / time left": round(statistics.median(score.errors), 3),
        "in the range": round(statistics.mean(score.inside), 3), "forecasts of ends": len(score.errors),
    }  # fmt: skip
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
