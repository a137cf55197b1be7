"""What could be foretold of a day at best: an oracle that knows the distributions of decision 73 and the habits of each product, and of the day what has happened
until then. It draws how the day may go on, many times; no forecast that knows as much of the day can be better than by chance."""

import bisect
import statistics
from collections.abc import Iterable
from datetime import date
from math import exp, log
from random import Random
from statistics import NormalDist

from tests.forecast_day import (
    FAILED,
    JITTER,
    LONGEST_OUTAGE,
    MINUTE,
    OUTAGE,
    OUTAGES,
    PAUSE,
    REPEATED,
    Habits,
    Truth,
)
from tests.forecast_score import Foretold

Law = tuple[float, float]  # lognormal: median, spread
NORMAL = NormalDist()
NEARLY_ONE = 1 - 1e-12
TRIES = 60  # of what has no formula


def until(law: Law, seconds: float) -> float:
    """How likely it is not longer."""
    return NORMAL.cdf(log(seconds / law[0]) / law[1]) if seconds > 0 else 0.0


def beyond(law: Law, seconds: float, draw: Random) -> float:
    """One that is longer."""
    least = until(law, seconds)
    share = min(least + (1 - least) * draw.random(), NEARLY_ONE)
    return max(seconds, law[0] * exp(law[1] * NORMAL.inv_cdf(max(share, 1e-12))))


def still_out(seconds: float) -> float:
    """How likely an outage is longer."""
    return 1 - until(OUTAGE, seconds) if seconds < LONGEST_OUTAGE else 0.0


def outage(seconds: float, draw: Random) -> float:
    return min(beyond(OUTAGE, seconds, draw), max(LONGEST_OUTAGE, seconds + MINUTE))


def delays(gone: float, count: int, draw: Random) -> list[float]:
    """Of a feed that has not come so many seconds after its usual time."""
    jitters = [beyond(JITTER, 0, draw) for _ in range(TRIES)]
    weights = [still_out(gone - jitter) for jitter in jitters]
    usual = (1 - OUTAGES) * (1 - until(JITTER, gone))
    late = OUTAGES * sum(weights) / TRIES
    if usual + late <= 0:
        return [gone + MINUTE * (1 + draw.random()) for _ in range(count)]
    out = sum(draw.random() < late / (usual + late) for _ in range(count))
    chosen = draw.choices(jitters, weights, k=out) if out else []
    return [jitter + outage(gone - jitter, draw) for jitter in chosen] + [
        beyond(JITTER, gone, draw) for _ in range(count - out)
    ]


def lengths(law: Law, gone: float, count: int, draw: Random) -> list[float]:
    """From its start to its end, of a run that has been going on for so many seconds: it may be repeated, or fail and be run again."""
    repeated, failed = [], []
    for _ in range(TRIES):
        took, share = beyond(law, 0, draw), draw.random()
        if took * (1 + share) + PAUSE > gone:
            repeated.append(took * (1 + share) + PAUSE)
        if took * share > gone:
            failed.append(took * share + took)
    weights = (
        (1 - REPEATED - FAILED) * (1 - until(law, gone)),
        REPEATED * len(repeated) / TRIES,
        FAILED * len(failed) / TRIES,
    )
    if sum(weights) <= 0:
        return [gone * 1.02 + MINUTE * draw.random() for _ in range(count)]
    found = []
    for kind in draw.choices((0, 1, 2), weights, k=count):
        if kind == 0:
            found.append(beyond(law, gone, draw))
        elif kind == 1:
            found.append(draw.choice(repeated))
        else:
            found.append(draw.choice(failed) + outage(0, draw))
    return found


def ends(name: str, truth: Truth, law: Law, now: float, count: int, draw: Random) -> list[float]:
    """When the run is ready that has started."""
    start = truth.start[name]
    after, repair = truth.failures.get(name, (float("inf"), 0.0))
    if now < start + after:
        return [start + each for each in lengths(law, now - start, count, draw)]
    failed = start + after
    if now < failed + repair:
        return [failed + outage(now - failed, draw) + beyond(law, 0, draw) for _ in range(count)]
    again = failed + repair
    return [again + beyond(law, now - again, draw) for _ in range(count)]


def before_them(habits: Habits, truth: Truth, now: float, asked: Iterable[str]) -> set[str]:
    """The products that are not ready yet, and what is before them."""
    found: set[str] = set()
    open_names = list(asked)
    while open_names:
        name = open_names.pop()
        if name not in found and truth.ready[name] > now:
            found.add(name)
            open_names += habits.graph[name]
    return found


def possible(
    habits: Habits, truth: Truth, on: date, now: float, count: int, draw: Random, asked: Iterable[str]
) -> dict[str, list[float]]:
    """When each of these that is not ready yet may be, and what is before it: so many days that are equally likely."""
    found: dict[str, list[float]] = {}
    wanted = before_them(habits, truth, now, asked)
    for name, needs in habits.graph.items():
        if name not in wanted:
            continue
        if not needs:
            usual = habits.usual(name, on)
            sample = [usual + each for each in delays(now - usual, count, draw)]
            draw.shuffle(sample)
        elif truth.start[name] <= now:
            sample = ends(name, truth, habits.law(name, on), now, count, draw)
            draw.shuffle(sample)
        else:
            latest = [max(each) for each in zip(*(found[each] for each in needs if each in found), strict=True)]
            took = lengths(habits.law(name, on), 0, count, draw)
            sample = [start + each for start, each in zip(latest, took, strict=True)]
        found[name] = sample
    return found


def oracle(
    habits: Habits,
    truth: Truth,
    due: dict[str, float],
    on: date,
    now: float,
    count: int,
    draw: Random,
    asked: Iterable[str],
) -> dict[str, Foretold]:
    """What it foretells of these products at that moment, and of what is before them."""
    found = {name: Foretold(ready, ready, ready, 0.0) for name, ready in truth.ready.items() if ready <= now}
    for name, sample in possible(habits, truth, on, now, count, draw, asked).items():
        sample.sort()
        late = (count - bisect.bisect_right(sample, due[name])) / count if name in due else 0.0
        found[name] = Foretold(sample[count // 10], statistics.median(sample), sample[count - 1 - count // 10], late)
    return found
