"""Two operations at once on one run, in every interleaving of their statements: the result is that of one after the other."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from state.catalog import rows
from tests.interleaving import Pair, add_boundaries, stops
from tests.lent_worlds import Worlds
from tests.state_world import SOAK, World, at, external, leaf, product

pytestmark = pytest.mark.slow

DAY, NOW = "2026-11-20", "2026-11-20 08:00Z"
LATEST = {"max_age": 7 * 86400}


def event(name: str, day: str = DAY, status: str = "COMPLETED", attempt: int | None = None) -> str:
    given = {
        "event_key": f"{name} {day} {status} {attempt}",
        "attempt": attempt,
        "product_id": name,
        "business_date": day,
        "status": status,
        "refreshed_at": NOW,
    }
    return f"SELECT record_refresh_events('{json.dumps([given])}', '{NOW}')"


def run_of(name: str) -> str:
    return f"(SELECT run_id FROM data_product_status WHERE product_id = '{name}' AND business_date = '{DAY}')"


def hold(on: bool, day: str = "NULL") -> str:
    return f"SELECT set_hold('d/x#', {day}, '', {on}, 'ann', '{NOW}')"


def outcome(status: str, name: str = "d/x#", attempt: int = 1) -> str:
    return f"SELECT record_outcome({run_of(name)}, {attempt}, '{status}', NULL, NULL, '{NOW}', 'machine')"


def missed(name: str = "d/x#") -> str:
    return f"SELECT record_outcome({run_of(name)}, 1, 'ERROR', 'DeadlineExceeded', NULL, '{NOW}', 'machine')"


def deadline(policy: str, attempt: int = 1) -> str:
    return f"SELECT resolve_deadline({run_of('d/x#')}, {attempt}, '{policy}', '{NOW}')"


def wait(attempt: int = 1) -> str:
    return f"SELECT register_wait({run_of('d/x#')}, {attempt}, 'token #', 'arn:#', '{NOW}')"


def job_starts(attempt: int = 1) -> str:
    return f"SELECT record_job_start({run_of('d/x#')}, {attempt}, 'build', 'glue', 'job-build', 'jr #', '{{}}', 'job #', '{NOW}')"


def rerun(name: str = "d/x#", downstream: bool = False) -> str:
    return f"SELECT count(*) FROM rerun('{name}', '{DAY}', '', {downstream}, 'rerun', 'ann', '{NOW}')"


RUN = run_of("d/x#")
BACKFILL = f"SELECT backfill('d/x#', '{DAY}', '{DAY}', NULL, 'ann', '{NOW}')"
LOST = f"SELECT end_lost_machine({RUN}, 1, 'States.Runtime', '', true, 2, 'monitor', '{NOW}')"
JOB_ENDS = """SELECT record_job_states('[{"job_run_id": "jr #", "job": "job-build", "state": "STOPPED"}]', '2026-11-20 08:00Z')"""
SKIP = f"SELECT skip_run('d/x#', '{DAY}', '', 'ann', '{NOW}')"
CANCEL = f"SELECT cancel_run('d/x#', '{DAY}', '', NULL, 'ann', '{NOW}')"
WAIVE = f"SELECT waive_input('d/x#', '{DAY}', '', 'raw/b#', 'late', false, 'ann', '{NOW}')"
BEGIN = f"SELECT begin_pipeline({RUN}, 1, 'arn:#', '{NOW}')"
OPENS = [BACKFILL]
A, B = event("raw/a#"), event("raw/b#")
HELD, RELEASE, RUN_HELD, RUN_RELEASE = hold(True), hold(False), hold(True, f"'{DAY}'"), hold(False, f"'{DAY}'")
WORKS = [
    *OPENS,
    A,
    deadline("start"),
    BEGIN,
    job_starts(),
    outcome("ERROR"),
    rerun(),
]  # attempt 2 waits for the job of attempt 1 and raw/b
PUBLISHED = (
    f"SELECT record_refresh_events(jsonb_build_array(jsonb_build_object('event_key', 'd/u#', 'product_id', 'd/u#', 'business_date', '{DAY}', "
    f"'status', 'COMPLETED', 'run_id', {run_of('d/u#')}, 'attempt', 1, 'refreshed_at', '{NOW}')), '{NOW}')"
)
UPSTREAM = [f"SELECT backfill('d/u#', '{DAY}', '{DAY}', NULL, 'ann', '{NOW}')", f"SELECT begin_pipeline({run_of('d/u#')}, 1, 'a', '{NOW}')",
            outcome("COMPLETED", "d/u#"), PUBLISHED]  # fmt: skip


STAGE = "INSERT INTO catalog_stage SELECT 'upload #', section, key, entry FROM catalog WHERE key <> 'd/x#'"
CHANGED = "INSERT INTO catalog_stage SELECT 'upload #', section, key, changed FROM catalog WHERE key = 'd/x#'"  # to raw/a# alone
LOAD = f"SELECT load_catalog('upload #', 'abc', '2026-11-20 05:00Z', true, 'ann', '{NOW}')"


@dataclass(frozen=True)
class Meeting:
    """Two operations that meet after `before`. `mesh` says what d/x depends on; `#` stands for the number of a copy."""

    before: list[str]
    one: str
    other: str
    mesh: str = "both"


MEETINGS = {
    "event and event": Meeting(OPENS, A, B),
    "event and event, one opens": Meeting([], A, event("raw/b#", "2026-11-19"), "latest"),
    "event and event, both open": Meeting([], A, B, "unscheduled"),
    "event and opening": Meeting([A], B, BACKFILL),
    "event and rerun": Meeting([*OPENS, A, outcome("ERROR")], B, rerun()),
    "event and restart": Meeting([*OPENS, A], B, LOST),
    "event and end of a hold": Meeting([*OPENS, A, HELD], B, RELEASE),
    "event and end of a run's hold": Meeting([*OPENS, A, RUN_HELD], B, RUN_RELEASE),
    "event and hold": Meeting([*OPENS, A], B, HELD),
    "event and a run's hold": Meeting([*OPENS, A], B, RUN_HELD),
    "event and cancellation": Meeting([*OPENS, A], B, CANCEL),
    "event and waiver": Meeting(OPENS, A, WAIVE),
    "event and waiver of it": Meeting([*OPENS, A], B, WAIVE),
    "waiver and wait": Meeting([*OPENS, A], WAIVE, wait()),
    "waiver and deadline": Meeting([*OPENS, A], WAIVE, deadline("skip")),
    "waiver and rerun": Meeting([*OPENS, A, deadline("fail"), outcome("ERROR")], WAIVE, rerun()),
    "start of the pipeline and cancellation": Meeting([*OPENS, A, B], BEGIN, CANCEL),
    "start of a job and cancellation": Meeting([*OPENS, A, B, BEGIN], job_starts(), CANCEL),
    "end of a job and cancellation": Meeting([*OPENS, A, B, BEGIN, job_starts()], JOB_ENDS, CANCEL),
    "lost machine and cancellation": Meeting([*OPENS, A, B], LOST, CANCEL),
    "hold and deadline": Meeting([*OPENS, A], HELD, deadline("skip")),
    "end of a hold after the deadline and event": Meeting([*OPENS, HELD, A, deadline("fail")], RELEASE, B),
    "event and wait": Meeting([*OPENS, A], B, wait()),
    "event and job end": Meeting(WORKS, B, JOB_ENDS),
    "event and deadline that skips": Meeting([*OPENS, A], B, deadline("skip")),
    "event and deadline that starts": Meeting([*OPENS, A], B, deadline("start")),
    "event and skip": Meeting([*OPENS, A], B, SKIP),
    "event and failure": Meeting([*OPENS, A], B, outcome("ERROR")),
    "event and rerun of an input": Meeting([*UPSTREAM, *OPENS], B, rerun("d/u#"), "upstream"),
    "event and rerun from an input on": Meeting([*UPSTREAM, *OPENS, outcome("ERROR")], B, rerun("d/u#", True), "upstream"),
    "rerun and end of a hold": Meeting([*OPENS, HELD, A, B, outcome("ERROR")], rerun(), RELEASE),
    "rerun and hold": Meeting([*OPENS, A, B, outcome("ERROR")], rerun(), HELD),
    "rerun and job end": Meeting([*OPENS, A, B, BEGIN, job_starts(), outcome("ERROR")], rerun(), JOB_ENDS),
    "rerun and late work": Meeting([*OPENS, A, B, BEGIN, outcome("ERROR")], rerun(), job_starts()),
    "rerun and rerun": Meeting([*OPENS, A, B, outcome("ERROR")], rerun(), rerun()),
    "rerun of an input and rerun": Meeting([*UPSTREAM, *OPENS, B, outcome("ERROR")], rerun("d/u#"), rerun(), "upstream"),
    "restart and job end": Meeting([*OPENS, A, B, BEGIN, job_starts()], LOST, JOB_ENDS),
    "restart and job start": Meeting([*OPENS, A, B, BEGIN], LOST, job_starts()),
    "restart and end of a hold": Meeting([*OPENS, HELD, A, B], LOST, RELEASE),
    "restart and failure": Meeting([*OPENS, A, B, BEGIN], LOST, outcome("ERROR")),
    "job start and job end": Meeting([*OPENS, A, B, BEGIN], job_starts(), JOB_ENDS),
    "job end and end of a hold": Meeting([*WORKS, HELD, B], JOB_ENDS, RELEASE),
    "job end and end of a run's hold": Meeting([*WORKS, RUN_HELD, B], JOB_ENDS, RUN_RELEASE),
    "job end and wait": Meeting([*WORKS, B], JOB_ENDS, wait(2)),
    "job end and deadline": Meeting([*WORKS, B], JOB_ENDS, deadline("start", 2)),
    "opening and end of a hold": Meeting([A, B, HELD], BACKFILL, RELEASE),
    "opening by an event and end of a hold": Meeting([HELD, B], A, RELEASE, "latest"),
    "opening by an event and hold": Meeting([B], A, HELD, "latest"),
    "opening and opening": Meeting([A, B], BACKFILL, BACKFILL),
    "end of a hold and end of a run's hold": Meeting([*OPENS, HELD, RUN_HELD, A, B], RELEASE, RUN_RELEASE),
    "end of a hold and wait": Meeting([*OPENS, HELD, A, B], RELEASE, wait()),
    "end of a hold and deadline": Meeting([*OPENS, HELD, A, B], RELEASE, deadline("start")),
    "changed condition and event": Meeting([STAGE, CHANGED, *OPENS], LOAD, A),
    "changed condition and rerun": Meeting([STAGE, CHANGED, *OPENS, A, outcome("ERROR")], LOAD, rerun()),
    "changed condition and restart": Meeting([STAGE, CHANGED, *OPENS, A], LOAD, LOST),
    "changed condition and opening": Meeting([STAGE, CHANGED, A], LOAD, BACKFILL),
    "changed condition and job end": Meeting([STAGE, CHANGED, *WORKS], LOAD, JOB_ENDS),
    "changed condition and end of a hold": Meeting([STAGE, CHANGED, *OPENS, HELD, A], LOAD, RELEASE),
    "changed condition and wait": Meeting([STAGE, CHANGED, *OPENS, A], LOAD, wait()),
    "changed condition and deadline": Meeting([STAGE, CHANGED, *OPENS, A], LOAD, deadline("skip")),
    "removed product and event": Meeting([STAGE, *OPENS, A], LOAD, B),
    "removed product and wait": Meeting([STAGE, *OPENS, A], LOAD, wait()),
    "removed product and rerun": Meeting([STAGE, *OPENS, A, outcome("ERROR")], LOAD, rerun()),
    "removed product and opening": Meeting([STAGE, A], LOAD, BACKFILL),
    "events that resume": Meeting([*OPENS, deadline("fail"), missed()], A, B),
    "event and record of the deadline": Meeting([*OPENS, A, deadline("fail")], B, missed()),
    "event that resumes and rerun": Meeting([*OPENS, A, deadline("fail"), missed()], B, rerun()),
    "event that resumes and end of a hold": Meeting([*OPENS, A, deadline("fail"), missed(), HELD], B, RELEASE),
    "event that resumes and changed condition": Meeting([STAGE, CHANGED, *OPENS, deadline("fail"), missed()], A, LOAD),
    "event and one that makes it impossible": Meeting([*OPENS, A], B, event("raw/a#", status="SKIPPED", attempt=2)),
    "skipped upstream and end of a hold": Meeting([*OPENS, HELD, A], event("raw/b#", status="SKIPPED"), RELEASE),
    "skipped upstream and wait": Meeting([*OPENS, A], event("raw/b#", status="SKIPPED"), wait()),
    "skipped upstream and event": Meeting([*OPENS], event("raw/b#", status="SKIPPED"), B),
    "older and newer attempt": Meeting([*OPENS, B], event("raw/a#", attempt=1), event("raw/a#", status="REOPENED", attempt=2)),
    "newer attempt and wait": Meeting([*OPENS, event("raw/a#", attempt=1)], event("raw/a#", status="REOPENED", attempt=2), wait()),
    "newer attempt and event": Meeting([*OPENS, event("raw/a#", attempt=1)], event("raw/a#", status="REOPENED", attempt=2), B),
    "newer attempt and end": Meeting([*OPENS, event("raw/a#", attempt=1), B, BEGIN], event("raw/a#", status="REOPENED", attempt=2), outcome("COMPLETED")),
    "input made again and end": Meeting([*UPSTREAM, *OPENS, B, BEGIN], rerun("d/u#"), outcome("COMPLETED"), "upstream"),
    "wait and deadline": Meeting([*OPENS, A], wait(), deadline("start")),
}  # fmt: skip


def mesh(kind: str, copies: int) -> dict[str, Any]:
    """The products of that many copies."""
    found: dict[str, Any] = {}
    for number in range(copies):
        a, b, x, u = (f"{name}{number}" for name in ("raw/a", "raw/b", "d/x", "d/u"))
        inputs = {
            "both": [leaf(a), leaf(b)],
            "unscheduled": [leaf(a), leaf(b)],
            "latest": [leaf(a), leaf(b, **LATEST)],
            "upstream": [leaf(u), leaf(b)],
        }[kind]
        schedule = None if kind in ("unscheduled", "latest") else "06:00"
        found |= {a: external(), b: external(), x: product({"all_of": inputs}, schedule, name=x.replace("/", "-"))}
        if kind == "upstream":
            found[u] = product(name=u.replace("/", "-"))
    return found


def load(world: World, products: dict[str, Any]) -> None:
    """Loads the products, and keeps their rows for a catalog that one copy stages; `changed` waits for the first input alone."""
    world.load(products, at("2026-11-20 05:00"))
    changed = {name: {**each, "depends_on": {"all_of": each["depends_on"]["all_of"][:1]}} if "depends_on" in each else each
               for name, each in products.items()}  # fmt: skip
    given, alone = (list(rows({"domains": {}, "calendars": {}, "products": each})) for each in (products, changed))
    world.sql("DROP TABLE IF EXISTS catalog")
    world.sql(
        "CREATE TABLE catalog AS SELECT g.*, a.entry AS changed FROM jsonb_to_recordset(%s) AS g(section text, key text, entry jsonb) "
        "JOIN jsonb_to_recordset(%s) AS a(section text, key text, entry jsonb) USING (section, key)",
        Jsonb(given), Jsonb(alone),
    )  # fmt: skip


def result(connection: "psycopg.Connection[Any]", number: int) -> list[tuple[Any, ...]]:
    """What became of the runs of a copy: their state, their inputs, and what is due."""
    runs = f"SELECT run_id FROM data_product_status WHERE product_id IN ('d/x{number}', 'd/u{number}')"
    queries = [
        f"SELECT split_part(product_id, '{number}', 1), business_date::text, attempt, status, regexp_replace(release_reason, '(raw/[ab])[0-9]+', '\\1'), held "
        f"FROM data_product_status "
        f"WHERE run_id IN ({runs})",
        f"SELECT business_date::text, leaf, d.status FROM data_product_dependencies_events_status d JOIN data_product_status USING (run_id) "
        f"WHERE run_id IN ({runs})",
        f"SELECT kind, attempt, done_at IS NULL, count(*) FROM effect WHERE run_id IN ({runs}) GROUP BY 1, 2, 3",
        f"SELECT state, stop_asked_at IS NOT NULL, task_token IS NOT NULL FROM job_run WHERE job_run_id = 'jr {number}'",
        f"SELECT event, attempt FROM data_product_status_history WHERE run_id IN ({runs}) AND event IN ('released', 'opened')",
        f"SELECT held FROM data_product WHERE product_id = 'd/x{number}'",
    ]
    return [tuple(sorted(connection.execute(query).fetchall())) for query in queries]


def errors(pair: Pair, number: int) -> list[str]:
    """What the operations were refused with."""
    return sorted(re.sub(rf"(d/[xu]){number}\b", r"\1", worker.error) for worker in pair.workers if worker.error)


@dataclass(frozen=True)
class Place:
    """Where operations meet: a world with boundaries between the statements of its transitions, and two sessions."""

    world: World
    direct: "psycopg.Connection[Any]"
    pair: Pair


@pytest.fixture(scope="module")
def shared_place(worlds: Worlds) -> Iterator[Place]:
    """One for all meetings: to compile the functions anew in three sessions costs more than a meeting."""
    with worlds.lend() as world:
        direct = world.direct()
        assert add_boundaries(direct) > 60
        with Pair(world.dsn, direct) as pair:
            yield Place(world, direct, pair)


@pytest.fixture
def place(shared_place: Place) -> Place:
    """The place without the rows of the meeting before."""
    shared_place.direct.execute("SELECT pg_advisory_unlock_all()")  # of one that failed
    shared_place.direct.execute("SELECT pristine.take_back('pristine')")
    return shared_place


@contextlib.contextmanager
def prepared(direct: "psycopg.Connection[Any]") -> Iterator[Callable[[], None]]:
    """Keeps the rows as they are now. What it gives takes them back to that."""
    direct.execute("SELECT pristine.keep('prepared')")

    def again() -> None:
        direct.execute("SELECT pristine.take_back('prepared')")

    yield again
    direct.execute("SELECT pristine.forget('prepared')")


@pytest.mark.parametrize("name", MEETINGS)
def test_two_operations_at_once_end_as_one_after_the_other(place: Place, name: str) -> None:
    meeting, direct, pair = MEETINGS[name], place.direct, place.pair
    orders = [(meeting.one, meeting.other), (meeting.other, meeting.one)]
    load(place.world, mesh(meeting.mesh, 1))
    for statement in meeting.before:
        direct.execute(statement.replace("#", "0"))
    with prepared(direct) as again:
        boundaries, expected = [], []
        for one, other in orders:
            again()
            boundaries.append(pair.serial(one.replace("#", "0"), other.replace("#", "0")))
            expected.append((result(direct, 0), errors(pair, 0)))
        met = [(order, stop) for order in range(2) for stop in stops(boundaries[order], all_of_them=SOAK > 1)]
        wrong = []
        for order, stop in met:
            again()
            one, other = orders[order]
            pair.interleaved(one.replace("#", "0"), other.replace("#", "0"), stop)
            found = (result(direct, 0), errors(pair, 0))
            if found not in expected:
                wrong.append((order, stop, found))
    assert not wrong, f"{len(wrong)} of {len(met)} interleavings; first {wrong[0]}; expected one of {expected}"


def test_a_job_that_ends_while_its_late_start_and_the_last_input_are_recorded_keeps_no_run_waiting(
    place: Place,
) -> None:
    """Three transactions: attempt 2 waits for raw/b. A job of attempt 1 ends while its start is being recorded, and the last input arrives between
    the two. An attempt is not released beside work of an earlier one, so the end of the job has to release it, wherever the others come in."""
    before = [*OPENS, A, deadline("start"), BEGIN, outcome("ERROR"), rerun()]
    load(place.world, mesh("both", 40))
    waiting = []
    ends, others = place.pair.workers
    for stop in range(40):
        for statement in before:
            place.direct.execute(statement.replace("#", str(stop)))
        ends.start(JOB_ENDS.replace("#", str(stop)), stop)
        ends.rest()
        for statement in (job_starts(), B):
            others.start(statement.replace("#", str(stop)), 0)
            if not others.rest():  # it waits for the end of the job
                ends.go_on()
            while not others.rest():
                pass
        ends.go_on()
        while not ends.rest():
            pass
        if place.world.run(f"d/x{stop}", DAY)["released_at"] is None:
            waiting.append(stop)
        if ends.boundaries() < stop:
            break
    assert not waiting
