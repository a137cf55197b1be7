"""Whether any forecast could reach the bar if delays were others than those of decision 73: what the oracle makes of each model.

    python benchmarks/forecast_bound.py GRAPH.json [DAYS] [FIRST_SEED] [LAST_SEED]

The oracle knows the model that is played. Where it does not reach precision and recall of 0.9 an hour before an SLA, no forecast does but by chance.
"""

import json
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from benchmarks.forecast import DRAWS, FIRST, HISTORY, THRESHOLDS, graph_of  # noqa: E402
from tests import forecast_day, forecast_oracle  # noqa: E402
from tests.forecast_day import AHEAD, MINUTE, Graph, Habits, finals, promised  # noqa: E402
from tests.forecast_score import Score  # noqa: E402

MODELS: dict[str, dict[str, Any]] = {
    "of decision 73": {},
    "outages: spread 0.5": {"OUTAGE": (110 * MINUTE, 0.5)},
    "outages: spread 0.25": {"OUTAGE": (110 * MINUTE, 0.25)},
    "outages: 30 minutes": {"OUTAGE": (30 * MINUTE, 1.0)},
    "outages: 4 hours": {"OUTAGE": (240 * MINUTE, 1.0)},
    "outages: 10 of 100": {"OUTAGES": 0.1},
    "SLAs: no margin": {"MARGIN": 0.0},
    "SLAs: half an hour": {"MARGIN": 30 * MINUTE},
    "SLAs: 2 hours": {"MARGIN": 120 * MINUTE},
}


def foreseen(graph: Graph, seed: int, days: int) -> Score:
    """What the oracle says of each SLA an hour before it is due, on so many days."""
    habits, score = Habits(graph, Random(seed)), Score()  # noqa: S311
    known = [habits.day(FIRST - timedelta(number)) for number in range(HISTORY, 0, -1)]
    due = promised(known, finals(graph))
    for on in (FIRST + timedelta(number) for number in range(days)):
        truth, draw = habits.day(on), Random(f"{seed} {on}")  # noqa: S311
        for stop in sorted({seconds - AHEAD for seconds in due.values()}):
            asked = {name for name, seconds in due.items() if seconds - AHEAD == stop}
            found = forecast_oracle.oracle(habits, truth, due, on, stop, DRAWS, draw, asked)
            score.chances += [(found[name].chance, truth.ready[name] > due[name]) for name in asked]
    return score


def main() -> None:
    graph = graph_of(Path(sys.argv[1]))
    days, first, last = (int(each) for each in (*sys.argv[2:], *("5", "101", "112")[len(sys.argv) - 2 :]))
    for name, changed in MODELS.items():
        with ExitStack() as patches:
            for module in (forecast_day, forecast_oracle):
                for key, each in changed.items():
                    if hasattr(module, key):
                        patches.enter_context(patch.object(module, key, each))
            score = Score()
            for seed in range(first, last + 1):
                score.add(foreseen(graph, seed, days))
        best = max(((score.precision(each), score.recall(each)) for each in THRESHOLDS), key=min)
        row = {
            "model": name, "SLAs": len(score.chances), "missed": sum(missed for _, missed in score.chances), "precision": round(score.precision(), 2),
            "recall": round(score.recall(), 2), "best of both": [round(each, 2) for each in best],
        }  # fmt: skip
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
