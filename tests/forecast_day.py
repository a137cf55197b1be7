"""Days of a mesh with the delays of decision 73, played in a state, and what its forecasts were worth against how the day went.

The state is told of nothing before it happens. `forecast_oracle` knows the distributions that stand here, and of a day as much as the state.
"""

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from tests.state_world import World, at, external, product

MINUTE = 60.0
GRID = 15 * MINUTE  # SLAs are on quarters of an hour
AHEAD = 60 * MINUTE
MARGIN = 60 * MINUTE  # an SLA is so much later than what was kept on 19 days of 20
JITTER = (10 * MINUTE, 0.5)  # of a feed: median and spread, lognormal
OUTAGE = (110 * MINUTE, 1.0)  # of a feed, and until somebody runs a failed run again: lognormal
LONGEST_OUTAGE = 12 * 60 * MINUTE
OUTAGES, REPEATED, FAILED = (
    0.02,
    0.02,
    0.01,
)  # of feeds a day; of runs: a job that is repeated by itself, and one that somebody has to run again
PAUSE = 5 * MINUTE  # before a job is repeated
MONDAY_FEED, MONDAY_WORK = (
    20 * MINUTE,
    1.5,
)  # on Mondays a third of the feeds come so much later, and a third of the work takes so many times as long
Graph = dict[
    str, list[str]
]  # what each product waits for, in an order in which each is after that; those that wait for nothing are feeds


@dataclass
class Truth:
    """How one business date goes, in seconds from its beginning: when the feeds come, how long each run takes, and the runs that fail: after how long,
    and how long it then takes until somebody runs them again."""

    feeds: dict[str, float]
    work: dict[str, float]
    failures: dict[str, tuple[float, float]]
    ready: dict[str, float] = field(default_factory=dict)
    start: dict[str, float] = field(default_factory=dict)

    def settled(self, graph: Graph) -> "Truth":
        """With when each product starts and is ready."""
        self.ready = dict(self.feeds)
        for name, needs in graph.items():
            if needs:
                self.start[name] = max(self.ready[each] for each in needs)
                self.ready[name] = self.start[name] + sum(self.failures.get(name, (0.0, 0.0))) + self.work[name]
        return self

    def learned(self, on: date, since: float = float("-inf"), until: float = float("inf")) -> list[dict[str, Any]]:
        """What the state learns from what ends between these moments."""
        repairs = {name: repair for name, (_, repair) in self.failures.items()}
        return [
            {"product_id": name, "kind": kind, "cycle": "", "on_date": str(on), "seconds": round(seconds)}
            for kind, times in (("ready", self.ready), ("work", self.work), ("repair", repairs))
            for name, seconds in times.items()
            if since < self.ready[name] <= until
        ]


def lognormal(draw: Random, law: tuple[float, float]) -> float:
    return law[0] * draw.lognormvariate(0, law[1])


@dataclass
class Habits:
    """What stays the same from day to day."""

    graph: Graph
    random: Random
    feeds: dict[str, tuple[float, bool]] = field(init=False)  # usual time; whether Mondays are later
    work: dict[str, tuple[float, float, bool]] = field(init=False)  # median, spread; whether Mondays take longer

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

    def usual(self, name: str, on: date) -> float:
        """The time of that weekday from which on the feed is expected."""
        usual, heavy = self.feeds[name]
        return usual + (MONDAY_FEED if heavy and on.isoweekday() == 1 else 0)

    def law(self, name: str, on: date) -> tuple[float, float]:
        """Of the work on that weekday: median and spread."""
        median, spread, heavy = self.work[name]
        return median * (MONDAY_WORK if heavy and on.isoweekday() == 1 else 1), spread

    def day(self, on: date) -> Truth:
        draw = self.random
        feeds = {
            name: self.usual(name, on)
            + lognormal(draw, JITTER)
            + (min(lognormal(draw, OUTAGE), LONGEST_OUTAGE) if draw.random() < OUTAGES else 0)
            for name in self.feeds
        }
        work, failures = {}, {}
        for name in self.work:
            took, chance = lognormal(draw, self.law(name, on)), draw.random()
            if chance < FAILED:
                failures[name] = (took * draw.random(), min(lognormal(draw, OUTAGE), LONGEST_OUTAGE))
            elif chance < FAILED + REPEATED:
                took += took * draw.random() + PAUSE
            work[name] = took
        return Truth(feeds, work, failures).settled(self.graph)


LEARN = "SELECT learn_times(%s::jsonb, %s)"


def learn(world: World, habits: Habits, last: date, days: int) -> list[Truth]:
    """Puts the days before into the state, as ends of runs and refreshes leave them there."""
    known, given = [], []
    for number in range(days, 0, -1):
        on = last - timedelta(number)
        truth = habits.day(on)
        known.append(truth)
        given += truth.learned(on)
    world.sql(LEARN, json.dumps(given), at(f"{last - timedelta(1)} 23:59"))
    return known


def finals(graph: Graph) -> list[str]:
    """What people use: products that wait, and that no other waits for."""
    used = {each for needs in graph.values() for each in needs}
    return [name for name, needs in graph.items() if needs and name not in used]


def promised(known: list[Truth], names: Iterable[str]) -> dict[str, float]:
    """The SLA of each: on the next quarter of an hour after what it has kept on 19 days of 20, and the margin. None where that is the next day."""
    found = {}
    for name in names:
        times = sorted(truth.ready[name] for truth in known)
        due = ((times[round(0.95 * (len(times) - 1))] + MARGIN) // GRID + 1) * GRID
        if due < 86_000:
            found[name] = due
    return found


def mesh(graph: Graph, due: dict[str, float]) -> dict[str, dict[str, Any]]:
    """The products, opened at a quarter past midnight."""
    return {
        name: product(
            needs,
            "00:15",
            name=name.replace("/", "-"),
            wait={"deadline": 86000, "on_deadline": "fail"},
            **({"sla": {"complete_by": clock(due[name]), "timezone": "UTC"}} if name in due else {}),
        )
        if needs
        else external()
        for name, needs in graph.items()
    }


def clock(seconds: float) -> str:
    return f"{int(seconds) // 3600:02}:{int(seconds) % 3600 // 60:02}"


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


COME = """WITH come AS (
        SELECT name, %(begins)s + make_interval(secs => seconds) AS at FROM jsonb_to_recordset(%(come)s::jsonb) c(name text, seconds float8)
    ), recorded AS (
        INSERT INTO refresh_event (event_key, product_id, business_date, cycle, status, refreshed_at, received_at, metadata)
        SELECT name || %(on)s, name, %(on)s::date, '', 'COMPLETED', at, at, '{}' FROM come
    )
    UPDATE data_product_dependencies_events_status d SET status = 'ARRIVED', arrived_at = c.at, event = 'arrived'
    FROM come c WHERE d.upstream = c.name AND d.required_date = %(on)s::date"""
RUN = """UPDATE data_product_status r SET status = n.status, attempt = n.attempt, error = n.error, released_at = %(begins)s + make_interval(secs => n.released),
        finished_at = %(begins)s + make_interval(secs => n.finished)
    FROM jsonb_to_recordset(%(runs)s::jsonb) n(name text, status text, attempt integer, error text, released float8, finished float8)
    WHERE r.product_id = n.name AND r.business_date = %(on)s::date"""


class DayAsOf(Day):
    """A day of which the state is put as it would be at each moment, and not played: hundreds of days take no night. `test_forecast` shows that its forecasts are those of a
    day that is played."""

    def play(self, stops: list[float]) -> Iterator[float]:
        self.world.state.open_due_runs(self.moment(15 * MINUTE), "scheduler")
        before = float("-inf")
        for stop in stops:
            self._show(before, stop)
            yield stop
            before = stop
        self.world.sql(LEARN, json.dumps(self.truth.learned(self.on, before)), self.moment(86_399))

    def _show(self, before: float, stop: float) -> None:
        come = [{"name": name, "seconds": each} for name, each in self.truth.ready.items() if before < each <= stop]
        runs = [
            self._run(name, stop)
            for name, start in self.truth.start.items()
            if start <= stop and self.truth.ready[name] > before
        ]
        given = {"begins": self.begins, "on": str(self.on), "come": json.dumps(come), "runs": json.dumps(runs)}
        connection = self.world.direct()
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # no history of it
            connection.execute(COME, given)
            connection.execute(RUN, given)
            connection.execute(LEARN, (json.dumps(self.truth.learned(self.on, before, stop)), self.moment(stop)))

    def _run(self, name: str, stop: float) -> dict[str, Any]:
        start, ready = self.truth.start[name], self.truth.ready[name]
        after, repair = self.truth.failures.get(name, (float("inf"), 0.0))
        again = start + after + repair
        failed = start + after <= stop < again
        return {
            "name": name,
            "status": "COMPLETED" if ready <= stop else "ERROR" if failed else "PROCESSING",
            "attempt": 2 if again <= stop else 1,
            "error": "JobFailed" if failed else None,
            "released": again if again <= stop else start,
            "finished": ready if ready <= stop else start + after if failed else None,
        }


@dataclass
class Score:
    """What forecasts were worth: of missed SLAs an hour before each was due, and of times an hour to an hour and a quarter before each product was ready."""

    chances: list[tuple[float, bool]] = field(
        default_factory=list
    )  # that the SLA is missed, by the forecast; whether it was
    errors: list[float] = field(default_factory=list)  # as a share of the time that was left
    inside: list[bool] = field(default_factory=list)  # whether it came within the range

    def counts(self, threshold: float = 0.5) -> tuple[int, int, int]:
        """At risk and missed; at risk and kept; not at risk and missed."""
        hits = sum(chance > threshold and missed for chance, missed in self.chances)
        alarms = sum(chance > threshold for chance, _ in self.chances) - hits
        return hits, alarms, sum(missed for _, missed in self.chances) - hits

    def precision(self, threshold: float = 0.5) -> float:
        hits, alarms, _ = self.counts(threshold)
        return hits / max(hits + alarms, 1)

    def recall(self, threshold: float = 0.5) -> float:
        hits, _, misses = self.counts(threshold)
        return hits / max(hits + misses, 1)

    def add(self, other: "Score") -> None:
        self.chances += other.chances
        self.errors += other.errors
        self.inside += other.inside


@dataclass(frozen=True)
class Foretold:
    """Of one product at one moment."""

    low: float
    expected: float
    high: float
    chance: float  # that its SLA is missed


FORECAST = (
    "SELECT product_id, extract(epoch FROM low - %(begins)s)::float8, extract(epoch FROM expected - %(begins)s)::float8, "
    "extract(epoch FROM high - %(begins)s)::float8, CASE WHEN at_risk THEN 1.0 ELSE 0.0 END FROM forecast(%(on)s, %(now)s)"
)


def foretold(day: Day, stop: float) -> dict[str, Foretold]:
    """The state's forecast at that moment."""
    cursor = day.world.direct().execute(FORECAST, {"begins": day.begins, "on": day.on, "now": day.moment(stop)})
    return {name: Foretold(*numbers) for name, *numbers in cursor}


def moments(truth: Truth, graph: Graph, due: dict[str, float]) -> tuple[list[float], dict[str, float]]:
    """When forecasts are judged: an hour before each SLA, and the last quarter of an hour at least an hour before each product is ready."""
    before = {name: (truth.ready[name] - AHEAD) // GRID * GRID for name, needs in graph.items() if needs}
    return sorted({seconds - AHEAD for seconds in due.values()} | set(before.values())), before


def judge(
    found: dict[str, Foretold], stop: float, truth: Truth, due: dict[str, float], before: dict[str, float]
) -> Score:
    """What the forecasts of that moment were worth."""
    score = Score()
    for name in (name for name, seconds in due.items() if seconds - AHEAD == stop):
        score.chances.append((found[name].chance, truth.ready[name] > due[name]))
    for name in (name for name, seconds in before.items() if seconds == stop):
        ready = truth.ready[name]
        score.errors.append(abs(found[name].expected - ready) / (ready - stop))
        score.inside.append(found[name].low <= ready <= found[name].high)
    return score
