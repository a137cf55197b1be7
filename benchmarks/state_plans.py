"""Calls of the state under the worst of five statistics, and with a year of history behind them.

    python benchmarks/state_plans.py [PRODUCTS] [PRODUCTS OF THE YEAR]

Bars: a refresh event takes at most 3 times as long under any statistics as under the best; a year changes no call by more than that.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from headgate.local.postgres import Postgres  # noqa: E402
from tests.state_history import CASES, SIX, TODAY, Case, morning  # noqa: E402
from tests.state_server import of_a_benchmark  # noqa: E402
from tests.state_world import World, new_world  # noqa: E402

LATER = SIX + timedelta(minutes=30)
ROUNDS = 5


def events(world: World) -> dict[str, float]:
    """Milliseconds, the shortest of some rounds, which other work on the machine disturbs least: an event that releases 20 runs, and one that
    arrives at a tenth of all runs. Each round is rolled back."""
    kinds = {"releases 20 runs": ["raw/trigger"] * ROUNDS, "arrives at many": [f"raw/r{n}" for n in range(ROUNDS)]}
    _event(world, "d/x0")  # warms up
    return {name: min(_event(world, each) for each in products) for name, products in kinds.items()}


def _event(world: World, product: str) -> float:
    given = {
        "event_key": f"new {product}", "product_id": product, "business_date": str(TODAY), "cycle": "", "status": "COMPLETED",
        "refreshed_at": LATER.isoformat(),
    }  # fmt: skip
    with world.direct().transaction(force_rollback=True):
        return _milliseconds(
            lambda: world.sql("SELECT record_refresh_events(%s::jsonb, %s)", json.dumps([given]), LATER)
        )


def questions(world: World) -> dict[str, float]:
    """Milliseconds, the median of some rounds: what operators and the monitor ask, and an event."""
    state, yesterday = world.state, TODAY - timedelta(1)
    asked: dict[str, Callable[[], Any]] = {
        "status": lambda: state.status_of_day(TODAY, None, "", 500, LATER),
        "why": lambda: state.explain_run("d/x3", TODAY, None, LATER),
        "history of a product": lambda: state.history_page("d/x3", yesterday, yesterday, "", 500, False),
        "history of all": lambda: state.history_page(None, yesterday, yesterday, "", 500, False),
        "latest date": lambda: state.latest_date(None, LATER),
        "repair": lambda: state.repair(LATER),
        "claim of effects": lambda: state.claim_effects(50, LATER, timedelta(0)),
        "rerun": lambda: state.rerun("d/x4", yesterday, "", False, "rerun", "ann", LATER),
    }
    taken = {}
    for name, call in asked.items():
        rounds = 1 if name == "rerun" else ROUNDS
        taken[name] = statistics.median(_milliseconds(call) for _ in range(rounds))
    return taken | {f"event: {name}": value for name, value in events(world).items()}


def measured(
    server: Postgres, case: Case, count: int, measure: Callable[[World], dict[str, float]]
) -> dict[str, float]:
    with new_world(server) as world:
        if case.plans != "auto":
            world.sql(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET plan_cache_mode = force_generic_plan', current_database()); END $$"
            )
        morning(world, case, count)
        return {name: round(value, 1) for name, value in measure(world).items()}


def under_statistics(server: Postgres, count: int) -> dict[str, Any]:
    found = {name: measured(server, replace(case, days=1), count, events) for name, case in CASES.items()}
    ratios = {
        event: round(max(each[event] for each in found.values()) / min(each[event] for each in found.values()), 2)
        for event in next(iter(found.values()))
    }
    return {"events, ms": found, "worst / best": ratios}


def with_a_year(server: Postgres, count: int) -> dict[str, Any]:
    """The statistics are of the quiet hour before the morning, as autovacuum would have taken them."""
    short, year = (measured(server, Case("quiet", days=days), count, questions) for days in (2, 365))
    return {
        "ms": {name: [short[name], year[name]] for name in short},
        "worst of year / two days": round(max(year[name] / short[name] for name in short), 2),
    }


def _milliseconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    of_year = int(sys.argv[2]) if len(sys.argv) > 2 else 700
    with of_a_benchmark() as server:
        results = {
            f"{count:,} products": under_statistics(server, count),
            f"a year of {of_year:,} products": with_a_year(server, of_year),
        }
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
