"""Random meshes and random orders of everything that can happen, beside an oracle of a few lines: every run is released
exactly once an attempt, only when its condition holds, and never lost."""

import contextlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from effects import Performer
from headgate.generator.model import cron
from headgate.generator.plan.catalog import _fires
from headgate.local.postgres import Postgres
from state.answers import JobStart
from tests.fake_aws import FakeAws
from tests.state_world import World, at, daily, external, leaf, new_world, product

FIRST = date(2026, 11, 16)
DAYS = [FIRST + timedelta(days=n) for n in range(2)]
EXTERNALS = ["raw/a", "raw/b"]
PRODUCTS = ["d/p0", "d/p1", "d/p2", "d/p3"]

Condition = dict[str, Any]


def conditions(names: list[str]) -> st.SearchStrategy[Condition]:
    leaves = st.builds(
        lambda name, status, offset: leaf(name, status=status, offset=offset),
        st.sampled_from(names),
        st.sampled_from([*[["COMPLETED"]] * 5, ["ERROR"], ["COMPLETED", "ERROR"]]),
        st.sampled_from([0, 0, 0, 0, 0, -1]),
    )
    trees = st.recursive(
        leaves,
        lambda inner: st.builds(
            lambda operator, members: {operator: members},
            st.sampled_from(["all_of", "any_of"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=3,
    )
    return trees.map(lambda tree: tree if "product" not in tree else {"all_of": [tree]})


@st.composite
def meshes(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    mesh: dict[str, dict[str, Any]] = {name: external() for name in EXTERNALS}
    for index, name in enumerate(PRODUCTS):
        condition = draw(conditions(EXTERNALS + PRODUCTS[:index]))
        mesh[name] = product(
            condition, schedule=draw(st.sampled_from(["06:00", "06:00", None])), name=name.replace("/", "-")
        )
    return mesh


class Oracle:
    """What should be. A run is [attempt, released, status]; an event is (product, date, status, run it reports). `working` are the runs
    for which work of an earlier attempt still runs."""

    def __init__(self, mesh: dict[str, dict[str, Any]]) -> None:
        self.mesh = mesh
        self.runs: dict[tuple[str, date], list[Any]] = {}
        self.events: list[tuple[str, date, str, tuple[str, date, int] | None]] = []
        self.held: set[str] = set()
        self.working: dict[tuple[str, date], list[str]] = {}

    def holds(self, node: Condition, day: date) -> bool:
        if "product" in node:
            wanted = day + timedelta(days=node["offset"])
            return any(
                (name, when) == (node["product"], wanted)
                and status in node["status"]
                and (run is None or self.runs[run[:2]][0] == run[2])
                for name, when, status, run in self.events
            )
        operator = next(iter(node))
        return (all if operator == "all_of" else any)(self.holds(member, day) for member in node[operator])

    def update(self) -> None:
        """Opens what events open, and releases what holds."""
        for name, when, status, _ in list(self.events):
            for other in PRODUCTS:
                if "schedule" not in self.mesh[other]:
                    needed = _leaves(self.mesh[other]["depends_on"])
                    for each in needed:
                        day = when - timedelta(days=each["offset"])
                        last = each["offset"] == max(one["offset"] for one in needed)
                        if (
                            each["product"] == name
                            and status in each["status"]
                            and (last or self.holds(self.mesh[other]["depends_on"], day))
                        ):
                            self.runs.setdefault((other, day), [1, False, "WAITING"])
        for (name, day), run in self.runs.items():
            blocked = name in self.held or self.working.get((name, day))
            if run[2] == "WAITING" and not blocked and self.holds(self.mesh[name]["depends_on"], day):
                run[1] = True

    def downstream(self, name: str) -> set[str]:
        found = {name}
        for other in PRODUCTS:
            if any(each["product"] in found for each in _leaves(self.mesh[other]["depends_on"])):
                found.add(other)
        return found


def _leaves(node: Condition) -> list[Condition]:
    return [node] if "product" in node else [each for member in node[next(iter(node))] for each in _leaves(member)]


class Day(RuleBasedStateMachine):
    """The state machine of hypothesis: each rule does something to the database and to the oracle."""

    postgres: Postgres

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.world: World = self.stack.enter_context(new_world(self.postgres))
        self.aws = FakeAws()
        self.performer = Performer(self.world.state, self.aws.client)
        self.now: datetime = at(f"{FIRST} 00:00")
        self.tokens: dict[str, tuple[str, date, int]] = {}
        self.published: list[tuple[str, date, dict[str, Any]]] = []
        self.given: list[tuple[tuple[str, date, str], dict[str, Any]]] = []
        self.restarts: dict[tuple[str, date], int] = {}

    def teardown(self) -> None:
        self.stack.close()

    def tick(self, **span: int) -> datetime:
        self.now += timedelta(**(span or {"seconds": 1}))
        return self.now

    @initialize(mesh=meshes())
    def load(self, mesh: dict[str, dict[str, Any]]) -> None:
        self.oracle = Oracle(mesh)
        self.world.load(mesh, self.now)

    @rule()
    def the_next_day_opens(self) -> None:
        opening = (
            (self.now + timedelta(days=1)).replace(hour=6, minute=0, second=0)
            if self.now.hour >= 6
            else self.now.replace(hour=6, minute=0, second=0)
        )
        if opening.date() > DAYS[-1]:
            return
        self.now = opening
        self.world.state.open_due_runs(self.now, "scheduler")
        for name in PRODUCTS:
            if "schedule" in self.oracle.mesh[name]:
                self.oracle.runs.setdefault((name, opening.date()), [1, False, "WAITING"])
        self.oracle.update()

    @rule(
        name=st.sampled_from(EXTERNALS),
        day=st.sampled_from(DAYS),
        status=st.sampled_from(["COMPLETED", "COMPLETED", "COMPLETED", "ERROR"]),
    )
    def a_refresh(self, name: str, day: date, status: str) -> None:
        self.world.event(name, str(day), self.tick(), status=status, event_key=f"{name} {day} {status} {self.now}")
        self.given.append(((name, day, status), {"event_key": f"{name} {day} {status} {self.now}"}))
        self.oracle.events.append((name, day, status, None))
        self.oracle.update()

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def a_refresh_is_repeated(self, data: st.DataObject) -> None:
        (name, day, status), key = data.draw(st.sampled_from(self.given))
        self.world.event(name, str(day), self.tick(), status=status, **key)

    @rule(name=st.sampled_from(PRODUCTS))
    def hold_or_release(self, name: str) -> None:
        hold = name not in self.oracle.held
        self.world.state.set_hold(name, None, "", hold, "ann", self.tick())
        self.oracle.held ^= {name}
        self.oracle.update()

    def _some(self, data: st.DataObject, which: Callable[[list[Any]], bool]) -> tuple[str, date] | None:
        found = sorted(key for key, run in self.oracle.runs.items() if which(run))
        return data.draw(st.sampled_from(found)) if found else None

    @rule(data=st.data())
    def a_machine_waits(self, data: st.DataObject) -> None:
        key = self._some(data, lambda run: run[2] == "WAITING")
        if key is not None:
            attempt = self.oracle.runs[key][0]
            token = f"token {len(self.tokens)}"
            self.tokens[token] = (*key, attempt)
            self.world.state.register_wait(self._id(key), attempt, token, f"arn:{token}", self.tick())
            self.oracle.update()

    @rule(data=st.data(), status=st.sampled_from(["COMPLETED", "ERROR"]), published=st.booleans())
    def a_run_ends(self, data: st.DataObject, status: str, published: bool) -> None:
        key = self._some(data, lambda run: run[2] == "WAITING" and run[1])
        if key is not None:
            self._end(key, status, published)

    @rule()
    def everything_that_can_run_completes(self) -> None:
        while ready := sorted(key for key, run in self.oracle.runs.items() if run[2] == "WAITING" and run[1]):
            self._end(ready[0], "COMPLETED", published=True)

    def _begin(self, key: tuple[str, date], attempt: int) -> None:
        """The pipeline begins, twice, since answers get lost."""
        first, second = (self.world.state.begin_pipeline(self._id(key), attempt, None, self.tick()) for _ in range(2))
        assert first == second

    def _start_job(self, key: tuple[str, date], attempt: int, job: str) -> JobStart:
        given = (self._id(key), attempt, "build", "glue", "j", job, dict[str, Any](), f"job {job}")
        return self.world.state.record_job_start(*given, self.tick())

    def _end(self, key: tuple[str, date], status: str, published: bool) -> None:
        (name, day), run = key, self.oracle.runs[key]
        attempt = run[0]
        self._begin(key, attempt)
        job, invocation = f"jr {name} {day} {attempt}", f"call {name} {day} {attempt}"
        assert self._start_job(key, attempt, job).refused is None
        for _ in range(2):
            self.world.state.record_invocation(
                self._id(key), attempt, "check", "lambda", "f", invocation, {}, 60, self.tick()
            )
        ends = [{"job_run_id": each, "job": "j", "state": "SUCCEEDED"} for each in (job, invocation)]
        self.world.state.record_job_states(ends, self.tick())
        self.world.state.record_outcome(self._id(key), attempt, status, None, None, self.tick(), "machine")
        run[2] = status
        if published:
            event = {"status": status, "run_id": str(self._id(key)), "attempt": run[0]}
            self.world.event(name, str(day), self.tick(), **event)
            self.published.append((name, day, event))
            self.oracle.events.append((name, day, status, (name, day, run[0])))
            self.oracle.update()

    @rule(data=st.data(), broke=st.booleans(), works=st.booleans())
    def a_machine_dies(self, data: st.DataObject, broke: bool, works: bool) -> None:
        """With or without work that still runs; its end is received twice."""
        key = self._some(data, lambda run: run[2] == "WAITING")
        if key is None:
            return
        run = self.oracle.runs[key]
        attempt, job = run[0], f"jr {key[0]} {key[1]} {run[0]}"
        works = works and run[1]
        if works:
            self._begin(key, attempt)
            assert self._start_job(key, attempt, job).refused is None
        given = (self._id(key), attempt, "States.Runtime", "", broke, 2, "monitor")
        ended, repeated = (self.world.state.end_lost_machine(*given, self.tick()) for _ in range(2))
        assert (ended.recorded, repeated.recorded, repeated.stop) == (True, False, [])
        assert [each["job_run_id"] for each in ended.stop] == ([job] if works else [])
        restarts = self.restarts.get(key, 0)
        assert ended.restarted == (broke and restarts < 2)
        if works:
            self.oracle.working.setdefault(key, []).append(job)
        if ended.restarted:
            self.restarts[key] = restarts + 1
            run[:] = [attempt + 1, False, "WAITING"]
        else:
            run[2] = "ERROR"
        self.oracle.update()

    @rule(data=st.data())
    def work_is_reported_too_late(self, data: st.DataObject) -> None:
        """The run has ended meanwhile, or is at its next attempt: it is recorded, and is to be stopped."""
        key = self._some(data, lambda run: run[2] in ("COMPLETED", "ERROR") or run[0] > 1)
        if key is None:
            return
        attempt, _, status = self.oracle.runs[key]
        attempt -= status == "WAITING"
        job = f"late {key[0]} {key[1]} {attempt}"
        started = self._start_job(key, attempt, job)
        assert started.refused is not None
        if started.state == "STARTED" and job not in self.oracle.working.get(key, []):
            if self.oracle.runs[key][1] and status == "WAITING":
                self._work_ends(key, job)  # the next attempt runs already
            else:
                self.oracle.working.setdefault(key, []).append(job)

    @rule(data=st.data())
    def work_that_was_stopped_ends(self, data: st.DataObject) -> None:
        found = sorted(key for key, jobs in self.oracle.working.items() if jobs)
        if found:
            key = data.draw(st.sampled_from(found))
            job = self.oracle.working[key].pop()
            stopping = self.world.sql("SELECT stop_asked_at IS NOT NULL FROM job_run WHERE job_run_id = %s", job)
            assert stopping == [(True,)]
            self._work_ends(key, job)

    def _work_ends(self, key: tuple[str, date], job: str) -> None:
        self.world.state.record_job_states([{"job_run_id": job, "job": "j", "state": "STOPPED"}], self.tick())
        self.oracle.update()

    @precondition(lambda self: self.published)
    @rule(data=st.data())
    def an_event_of_a_run_is_repeated(self, data: st.DataObject) -> None:
        name, day, event = data.draw(st.sampled_from(self.published))
        self.world.event(name, str(day), self.tick(), **event)

    @rule(data=st.data(), downstream=st.booleans())
    def a_rerun(self, data: st.DataObject, downstream: bool) -> None:
        key = self._some(data, lambda run: run[2] in ("COMPLETED", "ERROR"))
        if key is None:
            return
        name, day = key
        self.world.state.rerun(name, day, "", downstream, "rerun", "ann", self.tick())
        again = [(other, day) for other in (self.oracle.downstream(name) if downstream else {name})]
        again = [
            each for each in again if each in self.oracle.runs and self.oracle.runs[each][2] in ("COMPLETED", "ERROR")
        ]
        for each in again:
            self.oracle.runs[each] = [self.oracle.runs[each][0] + 1, False, "WAITING"]
        self.oracle.update()

    @rule()
    def a_worker_dies_with_claimed_effects(self) -> None:
        self.world.state.claim_effects(3, self.tick(), timedelta(seconds=120))

    @rule()
    def effects_are_done(self) -> None:
        now = self.tick(seconds=130)
        self.performer.perform_due(lambda: now)
        answered = {token for token, _ in self.aws.answered}
        waiting = self.world.sql(
            "SELECT task_token FROM data_product_status WHERE status = 'WAITING' AND released_at IS NOT NULL AND task_token IS NOT NULL"
        )
        assert {token for (token,) in waiting} <= answered, "a machine whose run is released is never left waiting"

    @rule()
    def the_monitor_runs(self) -> None:
        before = self.world.released()
        self.world.state.repair(self.tick())
        assert self.world.released() == before, "nothing was left for the monitor to find"

    def _id(self, key: tuple[str, date]) -> UUID:
        found: UUID = self.world.run(key[0], str(key[1]))["run_id"]
        return found

    @invariant()
    def what_is_released_is_what_should_be(self) -> None:
        if not hasattr(self, "oracle"):
            return
        found = {
            (name, day): (attempt, released, "WAITING" if status == "PROCESSING" else status)
            for name, day, attempt, released, status in self.world.sql(
                "SELECT product_id, business_date, attempt, released_at IS NOT NULL, status FROM data_product_status"
            )
        }
        assert found == {key: tuple(run) for key, run in self.oracle.runs.items()}
        twice = self.world.sql(
            "SELECT run_id, attempt FROM data_product_status_history WHERE released_at IS NOT NULL GROUP BY run_id, attempt HAVING count(DISTINCT released_at) > 1"
        )
        assert twice == []

    @invariant()
    def tokens_are_answered_once_and_only_for_released_attempts(self) -> None:
        answered = [token for token, _ in self.aws.answered]
        assert len(answered) == len(set(answered))
        for token in answered:
            if token in self.tokens:
                name, day, attempt = self.tokens[token]
                assert self.world.sql(
                    "SELECT true FROM data_product_status_history WHERE product_id = %s AND business_date = %s AND attempt = %s AND released_at IS NOT NULL LIMIT 1",
                    name, day, attempt,
                ) == [(True,)]  # fmt: skip


@pytest.mark.slow
def test_every_order_of_everything(postgres: Postgres) -> None:
    Day.postgres = postgres
    run_state_machine_as_test(
        Day,
        settings=settings(
            max_examples=100,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


crons = st.sampled_from(
    ["0 6 * * ? *", "0 6 ? * MON-FRI *", "0 6 L * ? *", "0 6 L-3 * ? *", "0 6 LW * ? *", "0 6 1W * ? *", "0 6 15W * ? *", "0 6 31W * ? *",
     "0 6 ? * 6L *", "0 6 ? * TUE#2 *", "0 6 ? * 1#5 *", "0 6 1/9 FEB-MAY ? 2027", "0 6 ? * L *", "30 1/3 * * ? *"]
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(expression=crons, start=st.dates(date(2026, 1, 1), date(2028, 12, 31)))
def test_the_database_and_the_generator_read_cron_alike(world: World, expression: str, start: date) -> None:
    world.load({"d/x": product(schedule={**daily(), "fires": _fires(expression)})}, at("2026-01-01 00:00"))
    days = [start + timedelta(days=n) for n in range(62)]

    found = world.sql(
        "SELECT fires_on(s, day::date) FROM data_product_schedule s, unnest(%s::date[]) WITH ORDINALITY AS d(day, n) ORDER BY n",
        days,
    )

    parsed = cron.parse(expression)
    assert [fires for (fires,) in found] == [parsed.fires_on(day) for day in days]
