"""Days of a mesh with delays as they are met in practice, played in a state, and what its forecasts were worth against how the day went.

The delays of a day, none of which the state is told before it happens: a feed comes at its own time of the night with ten minutes or so about it (lognormal), on
six days of a hundred late by half an hour and more (Pareto, at most five hours), a third of the feeds twenty minutes later on Mondays; work takes its own
median, twelve minutes or so, times a lognormal factor with a spread of 5 to 20 %, a third of it half as long again on Mondays; in two runs of a
hundred a job is repeated after five minutes; one in a hundred fails, and somebody runs it again half an hour later, or so (lognormal).
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from tests.state_world import World, at, external, product

MINUTE = 60.0
GRID = 15 * MINUTE  # SLAs are on quarters of an hour
AHEAD = 60 * MINUTE
Graph = dict[str, list[str]]  # what each product waits for; those that wait for nothing are feeds


@dataclass
class Truth:
    """How one business date goes, in seconds from its beginning: when the feeds come, how long each run takes, and the runs that fail: after how long,
    and how long it then takes until somebody runs them again."""

    feeds: dict[str, float]
    work: dict[str, float]
    failures: dict[str, tuple[float, float]]
    ready: dict[str, float] = field(default_factory=dict)


@dataclass
class Habits:
    """What stays the same from day to day."""

    graph: Graph  # in an order in which each product stands after what it waits for
    random: Random
    feeds: dict[str, tuple[float, bool]] = field(init=False)
    work: dict[str, tuple[float, float, bool]] = field(init=False)

    def __post_init__(self) -> None:
        draw = self.random
        self.feeds = {
            name: (draw.uniform(180, 360) * MINUTE, draw.random() < 1 / 3)
            for name, needs in self.graph.items()
            if not needs
        }
        self.work = {
            name: (
                min(max(12 * draw.lognormvariate(0, 0.7), 2), 90) * MINUTE,
                draw.uniform(0.05, 0.2),
                draw.random() < 1 / 3,
            )
            for name, needs in self.graph.items()
            if needs
        }

    def day(self, on: date) -> Truth:
        draw, monday = self.random, on.isoweekday() == 1
        feeds = {
            name: usual
            + 10 * MINUTE * draw.lognormvariate(0, 0.5)
            + (20 * MINUTE if heavy and monday else 0)
            + (min(30 * MINUTE * draw.paretovariate(1.5), 300 * MINUTE) if draw.random() < 0.06 else 0)
            for name, (usual, heavy) in self.feeds.items()
        }
        work, failures = {}, {}
        for name, (median, spread, heavy) in self.work.items():
            took = median * draw.lognormvariate(0, spread) * (1.5 if heavy and monday else 1)
            chance = draw.random()
            if chance < 0.02:
                took += took * draw.random() + 5 * MINUTE
            elif chance < 0.03:
                failures[name] = (took * draw.random(), 30 * MINUTE * draw.lognormvariate(0, 0.7))
            work[name] = took
        truth = Truth(feeds, work, failures, dict(feeds))
        for name, needs in self.graph.items():
            if needs:
                start = max(truth.ready[each] for each in needs)
                truth.ready[name] = start + sum(failures.get(name, (0.0, 0.0))) + work[name]
        return truth


def learn(world: World, habits: Habits, last: date, days: int) -> list[Truth]:
    """Puts the days before into the state, as ends of runs and refreshes leave them there."""
    known = []
    for number in range(days, 0, -1):
        on = last - timedelta(number)
        truth = habits.day(on)
        known.append(truth)
        times = [("ready", truth.ready), ("work", truth.work)]
        given = [
            {"product_id": name, "kind": kind, "cycle": "", "on_date": str(on), "seconds": round(seconds)}
            for kind, each in times
            for name, seconds in each.items()
        ]
        world.state.database.call("learn_times", given, at(f"{on} 23:59"))
    return known


def promised(known: list[Truth], graph: Graph, margin: float) -> dict[str, float]:
    """The SLA of each product that waits: so many seconds after what it has kept on 19 days of 20, on the next quarter of an hour."""
    found = {}
    for name in (each for each, needs in graph.items() if needs):
        times = sorted(truth.ready[name] for truth in known)
        found[name] = ((times[round(0.95 * (len(times) - 1))] + margin) // GRID + 1) * GRID
    return found


def mesh(graph: Graph, due: dict[str, float]) -> dict[str, dict[str, Any]]:
    """The products, opened at a quarter past midnight."""
    return {
        name: product(
            needs,
            "00:15",
            name=name.replace("/", "-"),
            wait={"deadline": 86000, "on_deadline": "fail"},
            sla={"complete_by": f"{int(due[name]) // 3600:02}:{int(due[name]) % 3600 // 60:02}", "timezone": "UTC"},
        )
        if needs
        else external()
        for name, needs in graph.items()
        if not needs or due[name] < 86_000
    }


class Day:
    """One business date, played in the state to its end."""

    def __init__(self, world: World, graph: Graph, truth: Truth, on: date) -> None:
        self.world, self.graph, self.truth, self.on = world, graph, truth, on
        self.begins = at(f"{on} 00:00")
        self.queue: list[tuple[float, int, str, str]] = []
        self.runs: dict[str, tuple[UUID, int]] = {}
        for name, seconds in truth.feeds.items():
            self._plan(seconds, "feed", name)

    def moment(self, seconds: float) -> datetime:
        return self.begins + timedelta(seconds=seconds)

    def _plan(self, seconds: float, what: str, name: str) -> None:
        heapq.heappush(self.queue, (seconds, len(self.queue), what, name))

    def play(self, stops: list[float]) -> Iterator[float]:
        """Plays the day, and gives each of the moments `stops` when the state is as of then."""
        self.world.state.open_due_runs(self.moment(15 * MINUTE), "scheduler")
        for stop in [*stops, float("inf")]:
            while self.queue and self.queue[0][0] <= stop:
                seconds, _, what, name = heapq.heappop(self.queue)
                getattr(self, f"_{what}")(name, seconds)
            if stop < float("inf"):
                yield stop

    def _feed(self, name: str, seconds: float) -> None:
        self.world.event(name, str(self.on), self.moment(seconds))
        self._begin(seconds)

    def _begin(self, seconds: float) -> None:
        released = self.world.sql(
            "SELECT product_id, run_id, attempt FROM data_product_status r WHERE is_open(r) AND status = 'WAITING' AND released_at IS NOT NULL AND business_date = %s",
            self.on,
        )
        for name, run, attempt in released:
            self.runs[name] = (run, attempt)
            self.world.state.begin_pipeline(run, attempt, "arn", self.moment(seconds))
            if attempt == 1 and name in self.truth.failures:
                self._plan(seconds + self.truth.failures[name][0], "failure", name)
            else:
                self._plan(seconds + self.truth.work[name], "end", name)

    def _failure(self, name: str, seconds: float) -> None:
        self.world.state.finish_attempt(*self.runs[name], "ERROR", "JobFailed", None, self.moment(seconds))
        self._plan(seconds + self.truth.failures[name][1], "rerun", name)

    def _rerun(self, name: str, seconds: float) -> None:
        self.world.state.rerun(name, self.on, "", False, "rerun", "ann", self.moment(seconds))
        self._begin(seconds)

    def _end(self, name: str, seconds: float) -> None:
        run, attempt = self.runs[name]
        self.world.state.finish_attempt(run, attempt, "COMPLETED", None, None, self.moment(seconds))
        self.world.event(name, str(self.on), self.moment(seconds), run_id=str(run), attempt=attempt)
        self._begin(seconds)


@dataclass
class Score:
    """What forecasts were worth an hour before each SLA, and an hour to an hour and a quarter before each product was ready."""

    hits: int = 0  # at risk, and missed
    alarms: int = 0  # at risk, and kept
    misses: int = 0  # missed, and not at risk
    errors: list[float] = field(default_factory=list)  # as a share of the time that was left
    inside: list[bool] = field(default_factory=list)  # whether it came within the range

    def precision(self) -> float:
        return self.hits / max(self.hits + self.alarms, 1)

    def recall(self) -> float:
        return self.hits / max(self.hits + self.misses, 1)


FORECAST = (
    "SELECT product_id, extract(epoch FROM low - %(begins)s)::float8, extract(epoch FROM expected - %(begins)s)::float8, "
    "extract(epoch FROM high - %(begins)s)::float8, at_risk FROM forecast(%(on)s, %(now)s)"
)


def judge(world: World, graph: Graph, truth: Truth, due: dict[str, float], on: date, score: Score) -> None:
    """Plays the date and adds its forecasts to the score, of every quarter of an hour in which an SLA or an end is an hour away."""
    day = Day(world, graph, truth, on)
    ends = {name: (truth.ready[name] - AHEAD) // GRID * GRID for name in due}
    for stop in day.play(sorted({seconds - AHEAD for seconds in due.values()} | set(ends.values()))):
        cursor = world.direct().execute(FORECAST, {"begins": day.begins, "on": on, "now": day.moment(stop)})
        for name, low, expected, high, at_risk in cursor:
            if name not in due:
                continue
            ready = truth.ready[name]
            if due[name] - AHEAD == stop:
                score.hits += at_risk and ready > due[name]
                score.alarms += at_risk and ready <= due[name]
                score.misses += not at_risk and ready > due[name]
            if ends[name] == stop:
                score.errors.append(abs(expected - ready) / (ready - stop))
                score.inside.append(low <= ready <= high)
