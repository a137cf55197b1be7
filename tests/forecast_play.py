"""A business date of `forecast_day` in a state: played, or put as of each moment."""

import heapq
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.forecast_day import LEARN, MINUTE, Graph, Truth
from tests.state_world import World, at


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
