"""Everything that can happen to files, in any order, beside an oracle of a few lines: no file is lost, no version is loaded twice, and none is stuck."""

import contextlib
from typing import Any

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

from headgate.local.postgres import Postgres
from state.errors import IllegalTransition
from tests.disk_aws import JOB
from tests.files_day import FilesDay
from tests.files_oracle import CHANGES, Put
from tests.lent_worlds import Worlds
from tests.state_files import source
from tests.state_loading import SETTINGS
from tests.state_steps import LOADED
from tests.state_world import SOAK, daily, product, step

POSITIONS, TICKS, LATER = "raw/positions", "raw/ticks", "raw/later"
DATES = ("20261120", "20261121")
FOLDERS = {POSITIONS: "custodian/positions/", CHANGES: "changes/", TICKS: "ticks/", LATER: "later/"}
SETS = [f"positions_{region}_{date}.csv.gz" for date in DATES for region in ("EU", "US")]
OBJECTS = [
    *((POSITIONS, name, "", 0) for name in SETS),
    *(
        (CHANGES, f"{table}_20261120_{number}.csv", table, number)
        for table in ("orders", "trades")
        for number in (1, 2, 3, 10)
    ),
    *((TICKS, f"ticks_{desk}.csv", "", 0) for desk in "AB"),
    (LATER, "later_20261120.csv", "", 0),
]
MARKER = (CHANGES, "done_20261120", "", 0)
NATURES = ["good"] * 6 + ["bad", "refused", "flaky", "mute", "poison"]
WEEK = 7 * 86400


def entries(correction: str, accepts: bool, most: int) -> dict[str, dict[str, Any]]:
    """Sets of two regions, changes in two lanes, a sweep every two hours, and a product that is deployed later."""
    names = {
        POSITIONS: source({"values": {"region": ["EU", "US"]}}, on_correction=correction, settle=120),
        CHANGES: source({"marker": "done_{date}"}, pattern=r"(?P<table>[a-z]+)_(?P<date>\d{8})_(?P<number>\d+)\.csv", load="cdc", on_correction="rerun"),
        TICKS: source({}, pattern=r"ticks_(?P<desk>[A-Z])\.csv", date={}, sweep=True, on_correction="rerun"),
        LATER: source({"count": 1}, pattern=r"later_(?P<date>\d{8})\.csv", on_correction="rerun"),
    }  # fmt: skip
    lanes = {"together": ["table"], "order": ["number"]}
    accept = {"accept": {"rejected": "100%", "failed": "100%"}} if accepts else {}
    found = {}
    for name, files in names.items():
        batches = {**SETTINGS, "max_files": most, "tries": 2, **(lanes if name == CHANGES else accept)}
        steps = [{**step("load"), "resource": JOB, "settings": {"batches": batches}}]
        found[name] = product(
            None, daily(*(f"{hour:02}:00" for hour in range(0, 24, 2))) if name == TICKS else None, name=name[4:],
            files={**files, "prefix": FOLDERS[name], "reconcile": 3600}, pipeline={"timeout": None, "steps": steps},
            wait={"deadline": WEEK, "on_deadline": "fail"},
        )  # fmt: skip
    return found


class Everything(RuleBasedStateMachine):
    worlds: Worlds

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        world = self.stack.enter_context(self.worlds.lend())
        self.day = FilesDay(world, self.stack.enter_context(pytest.MonkeyPatch.context()))
        self.world, self.oracle = world, self.day.oracle

    @initialize(
        correction=st.sampled_from(["rerun", "rerun", "notify"]), accepts=st.booleans(), most=st.sampled_from([1, 2, 5])
    )
    def load(self, correction: str, accepts: bool, most: int) -> None:
        self.entries = entries(correction, accepts, most)
        self.world.load({name: each for name, each in self.entries.items() if name != LATER}, LOADED)

    def teardown(self) -> None:
        try:
            if hasattr(self, "entries"):
                self.day.dies_in = None
                self.everything_comes_to_an_end()
                self.an_operator_mends_the_rest()
        finally:
            self.stack.close()

    # Files

    @rule(
        what=st.sampled_from(OBJECTS),
        nature=st.sampled_from(NATURES),
        empty=st.sampled_from([False] * 5 + [True]),
        told=st.sampled_from([True, True, True, False]),
    )
    def a_version_lands(self, what: tuple[str, str, str, int], nature: str, empty: bool, told: bool) -> None:
        """Its notification may be lost, or come later."""
        put = self._put(what, "flaky" if nature == "mute" and what[0] == CHANGES else nature, empty)
        if told:
            self.day.report(put)

    def _put(self, what: tuple[str, str, str, int], nature: str = "good", empty: bool = False) -> Put:
        name, key, lane, place = what
        return self.day.put(name, FOLDERS[name] + key, 0 if empty else 10, nature, lane, place)

    @rule(date=st.sampled_from(DATES), nature=st.sampled_from(NATURES))
    def a_whole_set_lands(self, date: str, nature: str) -> None:
        puts = [self._put(each, nature) for each in OBJECTS if each[0] == POSITIONS and date in each[1]]
        self.day.report(*puts)

    @rule(of=st.integers(1, 9))
    def the_marker_lands(self, of: int) -> None:
        """With some changes, the last one first."""
        changes = [self._put(each) for each in OBJECTS if each[0] == CHANGES][:of]
        self.day.report(*reversed(changes), self._put(MARKER))

    @precondition(lambda self: self.oracle.puts)
    @rule(data=st.data(), removed=st.sampled_from([False, False, True]))
    def a_notification_comes_again(self, data: st.DataObject, removed: bool) -> None:
        """Or for the first time; or what it names is removed, of which nothing follows."""
        put = self.oracle.puts[data.draw(st.sampled_from(sorted(self.oracle.puts)))]
        self.day.report(put, put, kind="ObjectRemoved:DeleteMarkerCreated" if removed else "ObjectCreated:Put")

    @rule()
    def the_product_of_unmatched_files_is_deployed(self) -> None:
        self.day.dies_in = None
        self.world.load(self.entries, self.day.now)

    # What runs

    @rule(minutes=st.sampled_from([1, 31, 121]))
    def time_passes(self, minutes: int) -> None:
        self.day.tick(minutes)

    @rule(rounds=st.integers(1, 6))
    def everything_gets_on(self, rounds: int) -> None:
        for _ in range(rounds):
            self.day.get_on()

    @precondition(lambda self: self._executions())
    @rule(data=st.data(), times=st.integers(1, 4))
    def an_execution_gets_on(self, data: st.DataObject, times: int) -> None:
        chosen = data.draw(st.sampled_from(self._executions()))
        for _ in range(times):
            if chosen.alive:
                chosen.step()

    def _executions(self) -> list[Any]:
        day = self.day
        return [
            each
            for each in (*day.machines.values(), *(one for some in day.children.values() for one in some))
            if each.alive
        ]

    @precondition(lambda self: self.day.jobs)
    @rule(data=st.data(), dies_at=st.sampled_from([None, None, 0, 1]), obeys=st.booleans())
    def a_job_run_ends(self, data: st.DataObject, dies_at: int | None, obeys: bool) -> None:
        self.day.work(data.draw(st.sampled_from(sorted(self.day.jobs))), dies_at, obeys)

    @precondition(lambda self: self.day.events)
    @rule(lost=st.booleans())
    def the_end_of_a_job_run_is_reported(self, lost: bool) -> None:
        self.day.deliver(lost)

    # What breaks

    @precondition(lambda self: any(each.alive for each in self.day.machines.values()))
    @rule(data=st.data())
    def an_execution_breaks(self, data: st.DataObject) -> None:
        self.day.break_off(data.draw(st.sampled_from([name for name, each in self.day.machines.items() if each.alive])))

    @precondition(lambda self: any(each.alive for some in self.day.children.values() for each in some))
    @rule(data=st.data())
    def an_execution_of_a_batch_breaks(self, data: st.DataObject) -> None:
        alive = [each for some in self.day.children.values() for each in some if each.alive]
        data.draw(st.sampled_from(alive)).die()

    @rule(calls=st.integers(0, 6), after=st.booleans())
    def a_worker_will_die(self, calls: int, after: bool) -> None:
        """Before or after one of the next calls of the state."""
        self.day.dies_in, self.day.dies_after = calls, after

    # What people do

    @precondition(lambda self: self.oracle.recorded)
    @rule(data=st.data(), action=st.sampled_from(["ignore_files", "retry_files"]))
    def an_operator_judges_a_file(self, data: st.DataObject, action: str) -> None:
        self._judge(data.draw(st.sampled_from(sorted(self.oracle.recorded))), action)

    def _judge(self, version: str, action: str) -> None:
        ((file,),) = self.world.sql("SELECT file_id FROM landing_file WHERE version_id = %s", version)
        with contextlib.suppress(IllegalTransition):
            self._operate(action=action, files=[file], reason="as agreed")
            (self.oracle.ignored.add if action == "ignore_files" else self.oracle.ignored.discard)(version)

    def _operate(self, **request: Any) -> None:
        self.day.dies_in = None
        self.world.state.operate(request, False, None, "ann", self.day.now)
        self.day.adopt()

    @rule(data=st.data(), all_files=st.booleans())
    def an_operator_runs_it_again(self, data: st.DataObject, all_files: bool) -> None:
        ended = self._runs("status IN ('COMPLETED', 'ERROR')")
        if ended:
            self._rerun(*data.draw(st.sampled_from(ended)), all_files)

    def _rerun(self, name: str, date: str, cycle: str, all_files: bool) -> None:
        query = "SELECT version_id FROM landing_file WHERE product_id = %s AND business_date = %s AND cycle = %s AND status = 'PROCESSED' AND counts"
        loaded = [version for (version,) in self.world.sql(query, name, date, cycle)] if all_files else []
        with contextlib.suppress(IllegalTransition):  # a sweep that found nothing
            self._operate(action="rerun", product=name, business_date=date, cycle=cycle, all_files=all_files)
            self.oracle.wanted_again.update(loaded)

    def _runs(self, which: str) -> list[tuple[str, str, str]]:
        return self.world.sql(
            f"SELECT product_id, business_date::text, cycle FROM data_product_status WHERE {which} ORDER BY 1, 2, 3"
        )

    @rule(name=st.sampled_from([POSITIONS, TICKS]))
    def a_backfill_lists_what_is_there(self, name: str) -> None:
        with contextlib.suppress(IllegalTransition):  # one is under way
            self._operate(action="backfill", product=name, landed="take")

    # What always holds

    @invariant()
    def no_file_is_lost(self) -> None:
        """What the state knows of it does not forget, and of each object one version counts, where one alone does."""
        known = {version for (version,) in self.world.sql("SELECT version_id FROM landing_file")}
        assert self.oracle.recorded.keys() <= known <= self.oracle.puts.keys()
        twice = "SELECT key FROM landing_file WHERE counts AND product_id IN (%s, %s) GROUP BY key HAVING count(*) > 1"
        assert self.world.sql(twice, POSITIONS, LATER) == []

    # How it ends

    def everything_comes_to_an_end(self) -> None:
        """Without anybody's help, with jobs that work: each file has ended, or waits for the rest of its set, or for a person whom its run has told."""
        self.day.come_to_rest()
        assert self.day.jobs == {}
        assert self._runs("status = 'PROCESSING'") == []
        open_files = "SELECT f.product_id, f.business_date::text, f.cycle, f.key, f.status FROM landing_file f WHERE f.status IN ('RECEIVED', 'CLAIMED') AND f.kind = 'data'"
        waits = {*self._runs("status IN ('ERROR', 'WAITING') OR status = 'COMPLETED' AND outdated_at IS NOT NULL")}
        stuck = [each for each in self.world.sql(open_files) if each[:3] not in waits and each[0] != TICKS]
        assert stuck == []
        for name, date, cycle in self._runs("status = 'WAITING'"):
            assert self._is_incomplete(name, date, cycle), f"{name} {date} waits, and nothing is missing"

    def _is_incomplete(self, name: str, date: str, cycle: str) -> bool:
        ((missing,),) = self.world.sql("SELECT files_for_date(%s, %s, %s) -> 'missing'", name, date, cycle)
        return bool(missing)

    def an_operator_mends_the_rest(self) -> None:
        """Then the target has the newest version of every object, and every change."""
        self.oracle.healed = True
        self.world.load(self.entries, self.day.now)
        self.day.tick()
        for version in sorted(self.oracle.ignored):
            self._judge(version, "retry_files")
        rest = [each for each in OBJECTS if each[0] == POSITIONS or each[1:] == ("orders_20261120_1.csv", "orders", 1)]
        self.day.report(*(self._put(each) for each in (*rest, MARKER)))
        for _ in range(6):
            self.day.come_to_rest()
            if not self._correct() | self._run_again():
                break
        self._check_the_end()

    def _correct(self) -> bool:
        """A corrected version of each object lands whose newest one was left out. Whether there was one."""
        out = [put for put in self.oracle.newest().values() if self._status(put.version) in ("REJECTED", "FAILED")]
        self.day.report(
            *(self._put((put.product, put.key.removeprefix(FOLDERS[put.product]), put.lane, put.place)) for put in out)
        )
        return bool(out)

    def _run_again(self) -> bool:
        runs = self._runs("status = 'ERROR' OR status = 'COMPLETED' AND outdated_at IS NOT NULL")
        for run in runs:
            self._rerun(*run, False)
        return bool(runs)

    def _status(self, version: str) -> str:
        ((status,),) = self.world.sql("SELECT status FROM landing_file WHERE version_id = %s", version)
        return str(status)

    def _check_the_end(self) -> None:
        assert self._runs("status NOT IN ('COMPLETED', 'SKIPPED') OR outdated_at IS NOT NULL") == []
        assert self.world.sql("SELECT count(*) FROM landing_batch WHERE status = 'PLANNED'") == [(0,)]
        statuses = dict(self.world.sql("SELECT version_id, status FROM landing_file"))
        newest = self.oracle.newest()
        for version, put in self.oracle.puts.items():
            if version not in statuses:
                assert put.product == LATER, (
                    f"{put} is lost"
                )  # it lay there before its product was deployed, and no event has reported it
            if put.key.endswith(MARKER[1]) or version not in statuses:
                continue
            allowed = (
                {"PROCESSED"}
                if put == newest[put.key]
                else {"PROCESSED", "SUPERSEDED", "REJECTED", "FAILED", "IGNORED"}
            )
            assert statuses[version] in allowed, f"{put} is {statuses[version]}"
            assert (statuses[version] == "PROCESSED") <= bool(self.oracle.loads[version]), f"{put} was never loaded"
            if put == newest[put.key] and put.product != CHANGES:
                assert self.oracle.target[put.key] == put, "the target has the newest version"


def test_no_file_is_lost_loaded_twice_or_stuck(postgres: Postgres, worlds: Worlds) -> None:
    Everything.worlds = worlds
    run_state_machine_as_test(
        Everything,
        settings=settings(
            max_examples=3 if SOAK == 1 else 5 * SOAK,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
