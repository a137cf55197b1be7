"""What forecasts of a day were worth against how the day went, as decision 73 measures it."""

from dataclasses import dataclass, field
from math import exp, inf

from tests.forecast_day import AHEAD, GRID, Graph, Truth
from tests.forecast_play import Day


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
    "extract(epoch FROM high - %(begins)s)::float8, extract(epoch FROM due_at - %(begins)s)::float8, at_risk FROM forecast(%(on)s, %(now)s)"
)


def chance(low: float, middle: float, high: float, due: float) -> float:
    """How likely it is later than `due`, by the moments before which one tenth, half and nine tenths of all cases are: straight between them, and beyond them
    less and less by their distance from the middle."""
    if due < low:
        return 1 - 0.1 * exp((due - low) / max(middle - low, 1))
    if due < middle:
        return 0.9 - 0.4 * (due - low) / (middle - low)
    if high == inf:  # it stays away until somebody acts
        return 0.5
    if due < high:
        return 0.5 - 0.4 * (due - middle) / (high - middle)
    return 0.1 * exp((high - due) / max(high - middle, 1))


def foretold(day: Day, stop: float) -> dict[str, Foretold]:
    """The state's forecast at that moment."""
    cursor = day.world.direct().execute(FORECAST, {"begins": day.begins, "on": day.on, "now": day.moment(stop)})
    found = {}
    for name, low, middle, high, due, at_risk in cursor:
        likely = 0.0 if due is None or middle is None else chance(low, middle, high, due)
        assert due is None or at_risk == (likely > 0.5 and due > stop), (
            f"{name} is at risk where a miss is more likely than not"
        )
        found[name] = Foretold(low, middle, high, likely)
    return found


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
