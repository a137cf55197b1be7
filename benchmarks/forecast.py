"""What forecasts are worth: replayed days of a real dependency graph with seeded delays, against how the days went and against an oracle (decision 73).

    python benchmarks/forecast.py GRAPH.json [DAYS] [FIRST_SEED] [LAST_SEED]

Bars: an hour before each SLA precision and recall of missed SLAs are at least 0.9; an hour before products are ready the median error is at most a tenth of the
time left. What decision 73 counts are seeds 1 to 12.
"""

import json
import statistics
import sys
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from tests.forecast_day import AHEAD, Graph, Habits, finals, learn, mesh, promised  # noqa: E402
from tests.forecast_oracle import oracle  # noqa: E402
from tests.forecast_play import DayAsOf  # noqa: E402
from tests.forecast_score import Score, foretold, judge, moments  # noqa: E402
from tests.state_server import of_a_benchmark  # noqa: E402
from tests.state_world import World, at, new_world  # noqa: E402

HISTORY = 90
FIRST = date(2026, 11, 16)  # a Monday
DRAWS = 200  # of the oracle
THRESHOLDS = tuple(number / 100 for number in range(30, 96, 2))


def graph_of(path: Path) -> Graph:
    """The graph with each node after what it waits for. Left out are a dependency that closes a cycle, and what has nothing to do with any other."""
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
    used = {each for found in placed.values() for each in found}
    names = {node: f"d/p{number}" for number, node in enumerate(placed) if placed[node] or node in used}
    return {name: [names[each] for each in placed[node]] for node, name in names.items()}


def played(world: World, graph: Graph, seed: int, days: int) -> list[tuple[Score, Score]]:
    """Of each day what the forecasts and those of the oracle were worth."""
    habits = Habits(graph, Random(seed))  # noqa: S311
    known = learn(world, habits, FIRST, HISTORY)
    due = promised(known, finals(graph))
    world.load(mesh(graph, due), at(f"{FIRST - timedelta(1)} 12:00"))
    found = []
    for number in range(days):
        on = FIRST + timedelta(number)
        truth, draw = habits.day(on), Random(f"{seed} {on}")  # noqa: S311
        stops, before = moments(truth, graph, due)
        day, ours, best = DayAsOf(world, graph, truth, on), Score(), Score()
        for stop in day.play(stops):
            ours.add(judge(foretold(day, stop), stop, truth, due, before))
            asked = {name for name, seconds in due.items() if seconds - AHEAD == stop} | {
                name for name, seconds in before.items() if seconds == stop
            }
            best.add(judge(oracle(habits, truth, due, on, stop, DRAWS, draw, asked), stop, truth, due, before))
        found.append((ours, best))
        world.sql("ANALYZE")
    return found


def summary(score: Score) -> dict[str, Any]:
    return {
        "SLAs": len(score.chances), "missed": sum(missed for _, missed in score.chances), "hits, alarms, misses": score.counts(), "precision": round(score.precision(), 3),
        "recall": round(score.recall(), 3), "median error / time left": round(statistics.median(score.errors), 4),
        "in the range": round(statistics.mean(score.inside), 3), "forecasts of ends": len(score.errors),
    }  # fmt: skip


def pooled(days: list[Score]) -> dict[str, Any]:
    """Over all days, with what nine of ten samples of as many days give."""
    whole = total(days)
    draw = Random(0)  # noqa: S311
    samples = [total(draw.choices(days, k=len(days))) for _ in range(200)]
    return {
        **summary(whole),
        **{
            f"{name} in 9 of 10 samples": [round(each, 3) for each in edges(sorted(measure(one) for one in samples))]
            for name, measure in (("precision", Score.precision), ("recall", Score.recall))
        },
        "by threshold": {
            str(each): [round(whole.precision(each), 3), round(whole.recall(each), 3)] for each in THRESHOLDS
        },
    }


def total(days: list[Score]) -> Score:
    whole = Score()
    for each in days:
        whole.add(each)
    return whole


def edges(ordered: list[float]) -> tuple[float, float]:
    return ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]


def main() -> None:
    graph = graph_of(Path(sys.argv[1]))
    days, first, last = (int(each) for each in (*sys.argv[2:], *("5", "1", "12")[len(sys.argv) - 2 :]))
    found = []
    with of_a_benchmark() as server:
        for seed in range(first, last + 1):
            with new_world(server) as world:
                played_days = played(world, graph, seed, days)
            found += played_days
            ours, best = (total([each[which] for each in played_days]) for which in (0, 1))
            print(json.dumps({"seed": seed, "forecast": summary(ours), "oracle": summary(best)}), flush=True)
    report = {"forecast": pooled([ours for ours, _ in found]), "oracle": pooled([best for _, best in found])}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
