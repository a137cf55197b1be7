"""Workers that do everything in random order on a few runs: nothing is lost, and no two of them wait for each other."""

import contextlib
import random
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from state import catalog, database
from state.database import Database
from state.errors import RAISED
from tests.state_world import SOAK, World, at, client, external, product
from tests.test_state_concurrency import together

LOADED, SIX = at("2026-11-20 00:00"), at("2026-11-20 06:00")
DATES = [date(2026, 11, 20), date(2026, 11, 21)]
RAW = ["raw/a", "raw/b"]
NAMES = ["d/x0", "d/x1", "d/x2", "d/x3"]
WORKERS, STEPS = 6, 120

pytestmark = pytest.mark.slow


def mesh() -> dict[str, Any]:
    """Each product waits for the two before it; d/x2 is opened by events."""
    found = {name: external() for name in RAW}
    for number, name in enumerate(NAMES):
        upstream = [*RAW, *NAMES[:number]][-2:]
        found[name] = product(upstream, "06:00" if number != 2 else None, name=name.replace("/", "-"))
    return found


def changed() -> dict[str, Any]:
    return {**mesh(), "d/x1": product(RAW[:1], name="d-x1")}


class Worker:
    """One session, with a choice of its own of what happens next."""

    def __init__(self, url: str, dsn: str, seed: int) -> None:
        self.world = World(Database(client(url)), dsn, lambda: url)
        self.state = self.world.state
        self.random = random.Random(seed)  # noqa: S311 - no secret
        self.seed = seed

    def step(self, number: int) -> None:
        """A refusal is as good as anything else; every other error ends the test."""
        action = self.random.choice([self.operation, self.operation, self.machine, self.machine, self.machine])
        if self.random.random() < 0.05:
            action = self.load
        with contextlib.suppress(*RAISED.values()):
            action(f"{self.seed} {number}", SIX + timedelta(seconds=number))

    def load(self, key: str, now: Any) -> None:
        content = {"version": 1, "domains": {}, "calendars": {}, "products": self.random.choice([mesh(), changed()])}
        catalog.load(self.state, content, f"upload {key}", "abc", now, "test", now, force=True)

    def operation(self, key: str, now: Any) -> None:
        name, raw, day = self.random.choice(NAMES), self.random.choice(RAW), self.random.choice(DATES)
        downstream, hold = self.random.random() < 0.5, self.random.random() < 0.2
        actions: list[Callable[[], Any]] = [
            partial(self.world.event, raw, str(day), now, event_key=f"{raw} {key}"),
            partial(self.state.backfill, name, day, day, False, "ann", now),
            partial(self.state.rerun, name, day, "", downstream, "rerun", "ann", now),
            partial(self.state.set_hold, name, None, "", hold, "ann", now),
            partial(self.state.set_hold, name, day, "", hold, "ann", now),
            partial(self.state.skip_run, name, day, "", "ann", now),
            partial(self.state.repair, now),
        ]
        self.random.choice(actions)()

    def machine(self, key: str, now: Any) -> None:
        runs = self.world.sql("SELECT run_id, attempt FROM data_product_status ORDER BY product_id, business_date")
        jobs = self.world.sql("SELECT job_run_id FROM job_run WHERE state = 'STARTED' ORDER BY job_run_id LIMIT 3")
        if not runs:
            return
        run, attempt = self.random.choice(runs)
        ends = [{"job_run_id": job, "job": "j", "state": "STOPPED"} for (job,) in jobs]
        status = self.random.choice(["COMPLETED", "ERROR"])
        actions: list[Callable[[], Any]] = [
            partial(self.state.register_wait, run, attempt, f"token {key}", "arn:x", now),
            partial(self.state.resolve_deadline, run, attempt, self.random.choice(["start", "skip", "fail"]), now),
            partial(self.state.begin_pipeline, run, attempt, None, now),
            partial(
                self.state.record_job_start, run, attempt, "build", "glue", "j", f"jr {key}", {}, f"job {key}", now
            ),
            partial(self.state.record_job_states, ends, now),
            partial(self.state.record_outcome, run, attempt, status, None, None, now, "machine"),
            partial(self.state.end_lost_machine, run, attempt, "x", "", True, 2, "monitor", now),
        ]
        self.random.choice(actions)()


@pytest.mark.parametrize("turn", range(1 if SOAK == 1 else 2 * SOAK))
def test_everything_at_once_leaves_nothing_to_find(world: World, monkeypatch: pytest.MonkeyPatch, turn: int) -> None:
    """A deadlock is not tried again here, so it is raised."""
    monkeypatch.setattr(database, "ATTEMPTS", 1)
    world.load(mesh(), LOADED)

    workers = [Worker(world.url, world.dsn, WORKERS * turn + number) for number in range(WORKERS)]

    for number in range(STEPS):
        together(*(partial(worker.step, number) for worker in workers))
        found = world.state.repair(SIX + timedelta(seconds=number)).released
        assert found == 0, f"the calls of step {number} left {found} runs that could have been released"

    for worker in workers:
        worker.world.direct().close()
    ((released,),) = world.sql("SELECT count(*) FROM data_product_status_history WHERE event = 'released'")
    assert released > 3
