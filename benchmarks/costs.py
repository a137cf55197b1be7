"""What Headgate itself costs a month, by list prices of us-east-1: prints the table of docs/deployment.md.

    PYTHONPATH=. python benchmarks/costs.py

The mesh: 700 products with one step and one input, each run once a day; they open at 40 different minutes, and something is under way in eight hours
of the day. How often a run calls the database is counted by tests/test_costs.py, its transitions are those of the generated machine. Prices change;
the quantities are what counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headgate.generator.model import build
from headgate.generator.plan.outline import outline
from headgate.generator.render.machine import render_machine

RUNS, DAYS, MOMENTS, BUSY, HOURS = 700, 30, 40, 8, 24
AN_HOUR = 1  # regular ticks: the default of TickExpression
LOOKS_AN_HOUR = 6  # of the monitor, while something is under way
PRODUCT = {
    "description": "x",
    "owner": "x",
    "depends_on": {"all_of": ["raw/a"]},
    "pipeline": {"steps": [{"name": "build", "glue": {"job": "j"}}]},
}
# The calls of each function for a run, and the database calls that they make together. The refresh events are its input's, its own start and its own end.
CALLS = {
    "refresh_events": 3,
    "dependency_gate": 1,
    "pipeline_configuration": 1,
    "job_tracker": 1,
    "job_status": 1,
    "outcome_recorder": 1,
}
DATABASE_CALLS = {
    "refresh_events": 11,
    "dependency_gate": 2,
    "pipeline_configuration": 4,
    "job_tracker": 2,
    "job_status": 5,
    "outcome_recorder": 2,
}
TICK_CALLS = {"scheduler": 6, "monitor": 16}  # database calls of a tick that finds nothing to do
EVENTS = 3  # put on the central bus for a run: its input's, its start, its end; each is forwarded once
PAUSE = 300 + 15  # seconds: until an idle database pauses, and until it has resumed
BUSY_ACU, IDLE_ACU = 1.0, 0.5
SECONDS_A_CALL, GIGABYTES = 0.1, 0.25  # of a function

# Dollars. aws.amazon.com/<service>/pricing, us-east-1
TRANSITION = 0.025 / 1_000
INVOCATION, GIGABYTE_SECOND = 0.20 / 1_000_000, 0.0000133334
EVENT, MESSAGE_REQUEST, TICK = 1.00 / 1_000_000, 0.40 / 1_000_000, 1.00 / 1_000_000
DATA_API, ACU_HOUR, DATABASE_GIGABYTE = 0.35 / 1_000_000, 0.12, 0.10
LOG_GIGABYTE, ALARM, METRIC = 0.50, 0.10, 0.30
KEY, SECRET = 1.00, 0.40
ARCHIVE_GIGABYTE, ARCHIVE_OBJECT = 0.023, 0.005 / 1_000
ALARMS, METRICS, SECRETS = 18, 6, 4
LOG_BYTES = 14 * 1_200  # of a run: its transitions, without execution data, and its functions' lines
ROW_BYTES, ARCHIVE_BYTES, KEPT_DAYS = 5 * 1024, 512, 400


@dataclass(frozen=True)
class Row:
    """`month` in dollars; `run` where the cost is one of runs."""

    what: str
    run: float | None
    month: float


def transitions() -> int:
    """Of a run on which everything succeeds, the start of the execution included."""
    return 1 + _visited(render_machine(outline(build.product("d", "p", PRODUCT))))


def _visited(machine: dict[str, Any]) -> int:
    count, name = 0, machine["StartAt"]
    while name:
        state = machine["States"][name]
        count += 1 + sum(_visited(branch) for branch in state.get("Branches", ()))
        name = state.get("Next")
    return count


def ticks() -> dict[str, int]:
    """Of a day: the regular ones, one at each opening, and the monitor's looks."""
    return {"scheduler": AN_HOUR * HOURS + MOMENTS, "monitor": AN_HOUR * HOURS + LOOKS_AN_HOUR * BUSY}


def database_calls() -> tuple[int, int]:
    """Of a run, and of the ticks of a day."""
    return sum(DATABASE_CALLS.values()), sum(TICK_CALLS[name] * count for name, count in ticks().items())


def awake() -> float:
    """Hours of a day in which the database does not pause: those in which something is under way, and after each tick in the others."""
    return BUSY + (HOURS - BUSY) * AN_HOUR * PAUSE / 3600


def rows() -> Iterator[Row]:
    """The table."""

    def of_runs(what: str, dollars: float) -> Row:
        return Row(what, dollars, dollars * RUNS * DAYS)

    steps, calls, ticked = transitions(), sum(CALLS.values()), sum(ticks().values())
    of_run, of_ticks = database_calls()
    call = INVOCATION + SECONDS_A_CALL * GIGABYTES * GIGABYTE_SECOND
    yield of_runs(f"Step Functions: {steps} transitions at $0.025 a thousand", steps * TRANSITION)
    yield of_runs(f"Lambda: {calls} calls of about 100 ms at 256 MB", calls * call)
    yield of_runs(f"EventBridge: {EVENTS} events, each forwarded once", 2 * EVENTS * EVENT)
    yield of_runs(f"SQS: about {3 * (EVENTS + 1)} requests", 3 * (EVENTS + 1) * MESSAGE_REQUEST)
    yield of_runs(f"Data API: {of_run} calls of the database at $0.35 a million", of_run * DATA_API)
    yield of_runs("CloudWatch Logs: about 16 KB", LOG_BYTES / 1e9 * LOG_GIGABYTE)
    yield Row(
        f"Ticks: {ticked} a day, with {of_ticks} calls of the database", None,
        DAYS * (ticked * (TICK + call) + of_ticks * DATA_API),
    )  # fmt: skip
    busy, idle = BUSY * BUSY_ACU, (awake() - BUSY) * IDLE_ACU
    yield Row(
        f"Aurora Serverless v2: {awake():.1f} hours a day awake, {BUSY} of them at 1 ACU, the others at 0.5, at $0.12 an ACU hour", None,
        DAYS * (busy + idle) * ACU_HOUR,
    )  # fmt: skip
    stored = RUNS * KEPT_DAYS * ROW_BYTES / 1e9
    yield Row(f"Aurora storage: {KEPT_DAYS} days, {stored:.1f} GB", None, stored * DATABASE_GIGABYTE)
    yield Row(
        f"CloudWatch: {ALARMS} alarms and {METRICS} metrics, whatever the number of machines", None,
        ALARMS * ALARM + METRICS * METRIC,
    )  # fmt: skip
    yield Row(f"A key, and {SECRETS} secrets", None, KEY + SECRETS * SECRET)
    archived = RUNS * 365 * ARCHIVE_BYTES / 1e9
    yield Row(
        "History archive: 0.5 KB a run, a year of it", None, archived * ARCHIVE_GIGABYTE + 4 * DAYS * ARCHIVE_OBJECT
    )


def table() -> str:
    """As docs/deployment.md has it."""
    found = list(rows())
    lines = [f"| | a run | {RUNS} runs a day, a month |", "|---|---|---|"]
    lines += [f"| {each.what} | {_run(each.run)} | ${each.month:,.2f} |" for each in found]
    of_runs = sum(each.run or 0 for each in found)
    return "\n".join([*lines, f"| together | {_run(of_runs)} | ${sum(each.month for each in found):,.2f} |"])


def _run(dollars: float | None) -> str:
    return "" if dollars is None else f"${dollars:.6f}"


if __name__ == "__main__":
    print(table())
