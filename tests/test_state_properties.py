"""Random meshes and random orders of everything that can happen, beside an oracle of a few lines: every run is released
exactly once an attempt, only when its condition holds, and never lost."""

import contextlib
import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import effects
from effects import Performer
from state.answers import JobStart
from state.errors import NoPipeline
from tests.lent_worlds import Worlds
from tests.random_meshes import EXTERNALS, PRODUCTS, TIMES, meshes, products
from tests.state_oracle import ENDED, Key, Mesh, Oracle, Run
from tests.state_world import SOAK, World, at, daily, external
from tests.unreliable_aws import UnreliableAws, WorkerDiedError

FIRST = date(2026, 11, 16)
DAYS = [FIRST + timedelta(days=n) for n in range(2)]
Which = Callable[[Run], bool]


def waits(run: Run) -> bool:
    return run.status == "WAITING"


def has_a_machine(run: Run) -> bool:
    return waits(run) and not run.held_over


def can_begin(run: Run) -> bool:
    return waits(run) and run.released


def may_be_late(run: Run) -> bool:
    return has_a_machine(run) and not run.decided


def has_ended(run: Run) -> bool:
    return run.status in ENDED


def has_an_attempt_that_ended(run: Run) -> bool:
    return has_ended(run) or run.attempt > 1


def where_a_run(which: Which) -> Callable[[Any], Any]:
    """The rule is for such a run."""
    return precondition(lambda self: any(map(which, self.oracle.runs.values())))


class Day(RuleBasedStateMachine):
    """The state machine of hypothesis: each rule does something to the database and to the oracle."""

    worlds: Worlds

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.world: World = self.stack.enter_context(self.worlds.lend())
        self.aws = UnreliableAws()
        self.performer = Performer(self.world.state, self.aws.client)
        self.now: datetime = at(f"{FIRST} 00:00")
        self.tokens: dict[str, tuple[str, date, int]] = {}
        self.published: list[tuple[str, date, dict[str, Any]]] = []
        self.given: list[tuple[tuple[str, date, str], dict[str, Any]]] = []
        self.restarts: dict[Key, int] = {}
        self.decisions: list[tuple[Key, int, str]] = []
        self.asked: set[tuple[str, date, int]] = (
            set()
        )  # attempts whose machine waits no more: it has asked at the deadline and goes on
        self.brought: set[int] = set()

    def teardown(self) -> None:
        self.stack.close()

    def tick(self, **span: int) -> datetime:
        self.now += timedelta(**(span or {"seconds": 1}))
        self.oracle.now = self.now
        return self.now

    @initialize(mesh=meshes)
    def load(self, mesh: Mesh) -> None:
        self.oracle = Oracle(mesh, self.now)
        self.world.load(mesh, self.now)
        self.time_passes("06:00", opens=True)

    @rule(
        clock=st.sampled_from(["04:30", "05:30", "06:00", "06:00", "09:30"]), opens=st.sampled_from([True, True, False])
    )
    def time_passes(self, clock: str, opens: bool) -> None:
        """Until the next time that the clock says this. The scheduler may have failed then."""
        then = datetime.combine(self.now.date(), time.fromisoformat(clock), self.now.tzinfo)
        then += timedelta(days=then <= self.now)
        if then.date() > DAYS[-1]:
            return
        self.now = self.oracle.now = then
        if opens:
            self.world.state.open_due_runs(self.now, "scheduler")
            self.oracle.open_due(self.now)

    @rule(
        data=st.data(),
        change=st.sampled_from(["all of it", "all of it", "schedule", "schedule", "remove", "no pipeline"]),
    )
    def metadata_changes(self, data: st.DataObject, change: str) -> None:
        """The condition, the schedule, or the product itself, of those with a run that waits more often than of others; one that was removed
        may return."""
        waiting = sorted(name for (name, _), run in self.oracle.runs.items() if waits(run) and not run.released)
        name = data.draw(st.sampled_from(waiting + PRODUCTS))
        mesh = {other: each for other, each in self.oracle.mesh.items() if other != name}
        if change == "all of it":
            mesh[name] = data.draw(products(name))
        elif change == "schedule" and "schedule" in self.oracle.mesh.get(name, {}):
            mesh[name] = {**self.oracle.mesh[name], "schedule": daily(data.draw(st.sampled_from(TIMES)))}
        elif change == "no pipeline":
            mesh[name] = external()
        self.world.load(mesh, self.tick())
        self.oracle.load(mesh, self.now)
        self._inputs_arrive(data)

    def _inputs_arrive(self, data: st.DataObject) -> None:
        """What was changed a moment ago shows when inputs arrive."""
        for name, day in data.draw(st.lists(st.tuples(st.sampled_from(EXTERNALS), st.sampled_from(DAYS)), max_size=4)):
            self.a_refresh(name, day, "COMPLETED")

    @rule(
        name=st.sampled_from(EXTERNALS),
        day=st.sampled_from(DAYS),
        status=st.sampled_from(["COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED", "ERROR", "SKIPPED"]),
    )
    def a_refresh(self, name: str, day: date, status: str) -> None:
        self.world.event(name, str(day), self.tick(), status=status, event_key=f"{name} {day} {status} {self.now}")
        self.given.append(((name, day, status), {"event_key": f"{name} {day} {status} {self.now}"}))
        self.oracle.refreshed((name, day, status, None))

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def a_refresh_is_repeated(self, data: st.DataObject) -> None:
        (name, day, status), key = data.draw(st.sampled_from(self.given))
        self.world.event(name, str(day), self.tick(), status=status, **key)
        self.oracle.refreshed((name, day, status, None))

    @rule(name=st.sampled_from(PRODUCTS))
    def hold_or_release(self, name: str) -> None:
        if name not in self.oracle.mesh:
            return
        hold = name not in self.oracle.held
        self.world.state.set_hold(name, None, "", hold, "ann", self.tick())
        self.oracle.held ^= {name}
        self.oracle.update()

    def _some(self, data: st.DataObject, which: Which) -> Key:
        return data.draw(st.sampled_from(sorted(key for key, run in self.oracle.runs.items() if which(run))))

    @where_a_run(has_a_machine)
    @rule(data=st.data())
    def a_machine_waits(self, data: st.DataObject) -> None:
        key = self._some(data, has_a_machine)
        attempt = self.oracle.runs[key].attempt
        token = f"token {len(self.tokens)}"
        self.tokens[token] = (*key, attempt)
        self.world.state.register_wait(self._id(key), attempt, token, f"arn:{token}", self.tick())
        self.oracle.update()

    @where_a_run(can_begin)
    @rule(data=st.data(), status=st.sampled_from(["COMPLETED", "ERROR"]), published=st.booleans())
    def a_run_ends(self, data: st.DataObject, status: str, published: bool) -> None:
        self._end(self._some(data, can_begin), status, published)

    @where_a_run(can_begin)
    @rule()
    def everything_that_can_run_completes(self) -> None:
        while ready := sorted(key for key, run in self.oracle.runs.items() if can_begin(run)):
            self._end(ready[0], "COMPLETED", published=True)

    def _begin(self, key: Key, attempt: int) -> None:
        """The pipeline begins, twice, since answers get lost."""
        first, second = (self.world.state.begin_pipeline(self._id(key), attempt, None, self.tick()) for _ in range(2))
        assert first == second

    def _start_job(self, key: Key, attempt: int, job: str) -> JobStart:
        given = (self._id(key), attempt, "build", "glue", "j", job, dict[str, Any](), f"job {job}")
        return self.world.state.record_job_start(*given, self.tick())

    def _end(self, key: Key, status: str, published: bool) -> None:
        (name, day), run = key, self.oracle.runs[key]
        attempt = run.attempt
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
        run.status = status
        if published:
            event = {"status": status, "run_id": str(self._id(key)), "attempt": attempt}
            self.world.event(name, str(day), self.tick(), **event)
            self.published.append((name, day, event))
            self.oracle.refreshed((name, day, status, (name, day, attempt)))

    @where_a_run(has_a_machine)
    @rule(data=st.data(), broke=st.booleans(), works=st.booleans())
    def a_machine_dies(self, data: st.DataObject, broke: bool, works: bool) -> None:
        """With or without work that still runs; its end is received twice."""
        key = self._some(data, has_a_machine)
        run = self.oracle.runs[key]
        attempt, job = run.attempt, f"jr {key[0]} {key[1]} {run.attempt}"
        works = works and run.released
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
            run.again()
        else:
            run.status = "ERROR"
        self.oracle.update()

    @where_a_run(has_an_attempt_that_ended)
    @rule(data=st.data())
    def work_is_reported_too_late(self, data: st.DataObject) -> None:
        """The run has ended meanwhile, or is at its next attempt: it is recorded, and is to be stopped."""
        key = self._some(data, has_an_attempt_that_ended)
        run = self.oracle.runs[key]
        attempt = run.attempt - (run.status == "WAITING")
        job = f"late {key[0]} {key[1]} {attempt}"
        started = self._start_job(key, attempt, job)
        assert started.refused is not None
        if started.state == "STARTED" and job not in self.oracle.working.get(key, []):
            if run.released and run.status == "WAITING":
                self._work_ends(key, job)  # the next attempt runs already
            else:
                self.oracle.working.setdefault(key, []).append(job)

    @precondition(lambda self: any(self.oracle.working.values()))
    @rule(data=st.data())
    def work_that_was_stopped_ends(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(key for key, jobs in self.oracle.working.items() if jobs)))
        job = self.oracle.working[key].pop()
        stopping = self.world.sql("SELECT stop_asked_at IS NOT NULL FROM job_run WHERE job_run_id = %s", job)
        assert stopping == [(True,)]
        self._work_ends(key, job)

    def _work_ends(self, key: Key, job: str) -> None:
        self.world.state.record_job_states([{"job_run_id": job, "job": "j", "state": "STOPPED"}], self.tick())
        self.oracle.update()

    @precondition(lambda self: self.published)
    @rule(data=st.data())
    def an_event_of_a_run_is_repeated(self, data: st.DataObject) -> None:
        name, day, event = data.draw(st.sampled_from(self.published))
        self.world.event(name, str(day), self.tick(), **event)
        self.oracle.refreshed((name, day, event["status"], (name, day, event["attempt"])))

    @precondition(lambda self: len(self.aws.events) > len(self.brought))
    @rule(data=st.data(), all_of_them=st.booleans())
    def events_of_the_outbox_arrive(self, data: st.DataObject, all_of_them: bool) -> None:
        """In any order, and some of them later."""
        left = [place for place in range(len(self.aws.events)) if place not in self.brought]
        some = data.draw(
            st.permutations(left) if all_of_them else st.lists(st.sampled_from(left), min_size=1, unique=True)
        )
        for place in some:
            self.brought.add(place)
            said = json.loads(self.aws.events[place]["Detail"])
            name, day = f"{said.pop('domain')}/{said.pop('product')}", date.fromisoformat(said.pop("business_date"))
            self.world.event(name, str(day), self.tick(), **said)
            self.oracle.refreshed((name, day, said["status"], (name, day, said["attempt"])))

    @where_a_run(waits)
    @rule(data=st.data())
    def a_run_is_skipped_by_an_operator(self, data: st.DataObject) -> None:
        name, day = self._some(data, waits)
        run = self.oracle.runs[name, day]
        if run.released:
            return
        self.world.state.skip_run(name, day, "", "ann", self.tick())
        self.oracle.end((name, day), "SKIPPED")

    @where_a_run(has_ended)
    @rule(data=st.data(), downstream=st.booleans())
    def a_rerun(self, data: st.DataObject, downstream: bool) -> None:
        name, day = self._some(data, has_ended)
        if not self.oracle.has_pipeline(name):
            with pytest.raises(NoPipeline):
                self.world.state.rerun(name, day, "", downstream, "rerun", "ann", self.tick())
            return
        self.world.state.rerun(name, day, "", downstream, "rerun", "ann", self.tick())
        self.oracle.again(name, day, downstream)
        self._inputs_arrive(data)

    @where_a_run(may_be_late)
    @rule(data=st.data(), policy=st.sampled_from(["start", "fail", "skip"]))
    def a_deadline_passes(self, data: st.DataObject, policy: str) -> None:
        """Its machine records the decision later."""
        key = self._some(data, may_be_late)
        attempt = self.oracle.runs[key].attempt
        found = self.world.state.resolve_deadline(self._id(key), attempt, policy, self.tick())
        assert found.decision == self.oracle.deadline(key, policy)
        if found.decision == "start":
            self.asked.add((*key, attempt))
        elif found.decision in ("fail", "skip"):
            self.decisions.append((key, attempt, "SKIPPED" if found.decision == "skip" else "ERROR"))
        self._inputs_arrive(data)

    @precondition(lambda self: self.decisions)
    @rule(data=st.data())
    def a_decision_is_recorded(self, data: st.DataObject) -> None:
        """Unless its machine was lost, or its run is cancelled by now."""
        key, attempt, outcome = data.draw(st.sampled_from(self.decisions))
        self.decisions.remove((key, attempt, outcome))
        run = self.oracle.runs[key]
        if (run.attempt, run.status) == (attempt, "WAITING"):
            error = "DeadlineExceeded" if outcome == "ERROR" else None
            self.world.state.record_outcome(self._id(key), attempt, outcome, error, None, self.tick(), "machine")
            self.oracle.end(key, outcome, inputs_missing=True)
            self.oracle.update()

    @rule()
    def a_worker_dies_with_claimed_effects(self) -> None:
        self.world.state.claim_effects(3, self.tick(), timedelta(seconds=120))

    @rule(calls=st.integers(0, 3))
    def a_worker_dies_while_it_performs_effects(self, calls: int) -> None:
        now = self.tick(seconds=130)
        self.aws.calls_left = calls
        with contextlib.suppress(WorkerDiedError):
            self.performer.perform_due(lambda: now)
        self.aws.calls_left = None

    @rule(data=st.data(), for_long=st.booleans())
    def aws_takes_some_calls_no_more(self, data: st.DataObject, for_long: bool) -> None:
        due = self.world.sql(
            "SELECT coalesce(payload ->> 'name', payload ->> 'task_token') AS key FROM effect "
            "WHERE kind IN ('start_execution', 'task_success') AND done_at IS NULL ORDER BY key"
        )
        if due:
            self.aws.refused.add(data.draw(st.sampled_from(due))[0])
            self.effects_are_done(3 if for_long else 1)

    @precondition(lambda self: self.aws.refused)
    @rule(all_of_them=st.booleans())
    def an_operator_retries_what_is_parked(self, all_of_them: bool) -> None:
        """What stood in the way of the calls is mended, of all or of one."""
        if all_of_them:
            self.aws.refused.clear()
        else:
            self.aws.refused.remove(min(self.aws.refused))
        parked = len(self._parked())
        assert self.world.state.retry_effects(None, "ann", self.tick()) == parked
        assert self._parked() == set()

    def _parked(self) -> set[str]:
        query = "SELECT coalesce(payload ->> 'name', payload ->> 'task_token') FROM effect WHERE parked_at IS NOT NULL AND done_at IS NULL"
        return {key for (key,) in self.world.sql(query)}

    @rule(times=st.sampled_from([1, 1, 1, 3]))
    def effects_are_done(self, times: int) -> None:
        """All but those that AWS refuses, which are parked after so many tries."""
        for _ in range(times):
            now = self.tick(seconds=130)
            self.performer.perform_due(lambda now=now: now)  # type: ignore[misc]
        due = "SELECT coalesce(payload ->> 'name', payload ->> 'task_token', kind) FROM effect WHERE done_at IS NULL AND kind <> 'put_event'"
        left = {key for (key,) in self.world.sql(due)}
        assert left <= self.aws.refused, "one effect that fails keeps no other from being done"
        assert self._parked() <= self.aws.refused
        assert times == 1 or self._parked() == left
        answered = {token for token, _ in self.aws.answered}
        waiting = self.world.sql(
            "SELECT task_token FROM data_product_status WHERE status = 'WAITING' AND released_at IS NOT NULL AND task_token IS NOT NULL"
        )
        left_waiting = {token for (token,) in waiting if self.tokens.get(token) not in self.asked} - answered
        assert left_waiting <= self.aws.refused, "a machine whose run is released is never left waiting"

    @rule()
    def the_monitor_runs(self) -> None:
        before = self.world.released()
        self.world.state.repair(self.tick())
        assert self.world.released() == before, "nothing was left for the monitor to find"

    def _id(self, key: Key) -> UUID:
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
        assert found == {key: (run.attempt, run.released, run.status) for key, run in self.oracle.runs.items()}
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
def test_every_order_of_everything(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "TRIES", 3)
    monkeypatch.setattr(effects, "LONGEST_DELAY", 60)
    Day.worlds = worlds
    run_state_machine_as_test(
        Day,
        settings=settings(
            max_examples=30 if SOAK == 1 else 60 * SOAK,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
