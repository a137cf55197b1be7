"""Days of a mesh with the delays of decision 73, and what a state has learned of them.

`forecast_play` puts a day into a state, which is told of nothing before it happens. `forecast_oracle` knows the distributions that stand here, and of a day as much as the state.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

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
