"""A deployment in the middle of a day: functions of the release before on the new schema, and new functions on the schema of before."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

import runtime
from headgate.local.data_api import DataApi
from headgate.local.postgres import Postgres
from state import migrate as migration
from state.database import Database
from state.errors import StateUnavailable
from state.migrate import migrate
from tests import earlier_release
from tests.direct_client import DirectClient
from tests.fake_aws import FakeAws
from tests.handler_steps import TODAY, gate, glue_event, invoke, job, queue, refreshed
from tests.state_world import SOAK, World, at, copied, dropped, external, product, world_on

WORKER = Path(__file__).parent / "release_worker.py"
SQL_TYPES = {
    "str": "text", "int": "integer", "bool": "boolean", "datetime": "timestamp with time zone", "date": "date", "timedelta": "interval",
    "UUID": "uuid", "dict": "jsonb", "list": "jsonb",
}  # fmt: skip
Ask = Callable[[str, dict[str, Any]], Any]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions of the release before."""
    return earlier_release.unpacked(tmp_path_factory.mktemp("before")) / "functions"


@pytest.fixture
def old_world(postgres: Postgres, before: Path) -> Iterator[World]:
    """A database with the schema of the release before."""
    template = f"before_{os.getpid()}"
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
            connection.execute(f"CREATE DATABASE {template}")
            api = DataApi(postgres.dsn(template))
            with pytest.MonkeyPatch.context() as earlier:
                earlier.setattr(migration, "FOLDER", before / "state")
                migrate(Database(DirectClient(api)))
            api.close()
    name = copied(postgres, template)
    api = DataApi(postgres.dsn(name))
    with world_on(postgres.dsn(name), api) as made:
        yield made
    api.close()
    dropped(postgres, name)


class Release:
    """The functions of the release before, in their process."""

    def __init__(self, folder: Path, url: str) -> None:
        variables = {**os.environ, "AWS_ENDPOINT_URL_RDS_DATA": url}
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=variables,
        )  # fmt: skip

    def ask(self, function: str, event: dict[str, Any] | None = None, now: datetime | None = None) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        request = {"function": function, "event": event, "now": now.isoformat() if now else None}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, f"{function}: {answer}"
        return answer["answer"]

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def release(before: Path, old_world: World) -> Iterator[Release]:
    started = Release(before, old_world.url)
    yield started
    started.end()


@pytest.fixture
def new(old_world: World, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """AWS as the new functions see it; they use the database with the older schema."""
    import lost_machines
    import ticks
    from effects import Performer
    from step_types import glue

    fake = FakeAws()
    performer = Performer(old_world.state, fake.client)
    monkeypatch.setattr(runtime, "database", lambda: old_world.database)
    monkeypatch.setattr(runtime, "state", lambda: old_world.state)
    monkeypatch.setattr(runtime, "performer", lambda: performer)
    monkeypatch.setattr(glue, "glue", lambda: fake)
    monkeypatch.setattr(ticks, "scheduler", lambda: fake)
    monkeypatch.setattr(lost_machines, "machines", lambda: fake)
    monkeypatch.setattr("state.database.time.sleep", lambda seconds: None)
    return fake


CATALOG = {
    "version": 1,
    "domains": {},
    "calendars": {},
    "products": {
        "raw/rd1": external(),
        "raw/rd2": external(),
        "d1/ds1": product(["raw/rd1", "raw/rd2"], name="ds1", notify=[{"on": ["STARTED"], "level": "product"}]),
        "d1/ds2": product("d1/ds1", name="ds2"),
    },
}


def play(world: World, steps: Iterator[Ask], catalog: Path) -> None:
    """The day of d1/ds1 with its job; each function is called through the next of `steps`, as an operator, a queue or a machine calls it."""
    properties = {"Commit": "", "CommittedAt": "2026-11-20T00:00:00+00:00", "Catalog": str(catalog)}
    load = {
        "RequestType": "Create",
        "StackId": "s",
        "RequestId": "1",
        "LogicalResourceId": "Catalog",
        "ResourceProperties": properties,
    }
    assert next(steps)("metadata_loader", load)["Status"] == "SUCCESS"
    world.sql("UPDATE data_product_schedule SET opened_until = %s", at("2026-11-20 05:00"))
    next(steps)("scheduler", {})
    run = str(world.run("d1/ds1", TODAY)["run_id"])
    next(steps)("dependency_gate", gate(run))
    next(steps)("refresh_events", queue(refreshed("raw/rd1")))
    next(steps)("inquire", {"question": "why", "product": "d1/ds1", "business_date": TODAY})
    next(steps)("inquire", {"question": "forecast", "business_date": TODAY})
    operation = {"product": "d1/ds1", "business_date": TODAY, "actor": "ann"}
    next(steps)("operate", {**operation, "action": "hold"})
    next(steps)("refresh_events", queue(refreshed("raw/rd2")))
    next(steps)("operate", {**operation, "action": "release"})
    next(steps)("pipeline_configuration", {"run_id": run, "attempt": 1})
    next(steps)("job_tracker", job(run))
    next(steps)("monitor", {})
    next(steps)("job_status", queue(glue_event("SUCCEEDED")))
    next(steps)("outcome_recorder", {"status": "COMPLETED", "run_id": run, "attempt": 1})
    next(steps)("inquire", {"question": "why", "product": "d1/ds1", "business_date": TODAY})


STEPS = 15
EACH = 4 if SOAK == 1 else 1  # before which of the steps the upgrade comes


def check_day(world: World, aws: list[dict[str, Any]]) -> None:
    assert (world.run("d1/ds1", TODAY)["status"], world.run("d1/ds1", TODAY)["attempt"]) == ("COMPLETED", 1)
    assert world.sql("SELECT job_run_id, state FROM job_run") == [("jr_1", "SUCCEEDED")]
    left = "SELECT kind FROM effect WHERE done_at IS NULL OR parked_at IS NOT NULL"
    assert world.sql(left) == [("put_event",)], "which the machine does itself, and the monitor after a while"
    started = sorted(arn.rsplit(":", 1)[1] for each in aws for arn in each["executions"])
    assert started == ["ds1-2026-11-20-1", "ds2-2026-11-20-1"]
    tokens = [token for each in aws for token, _ in each["answered"]]
    assert sorted(tokens) == ["job", "wait"], "each machine is answered once"


def done_by(fake: FakeAws) -> dict[str, Any]:
    return {"executions": fake.executions, "answered": fake.answered}


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps(CATALOG))
    return file


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> datetime:
    moment = at("2026-11-20 06:30")
    monkeypatch.setattr(runtime, "now", lambda: moment)
    return moment


@pytest.mark.parametrize("migrated", range(0, STEPS, EACH))
def test_functions_of_the_release_before_go_on_with_their_day_on_the_new_schema(
    old_world: World, release: Release, new: FakeAws, catalog: Path, clock: datetime, migrated: int
) -> None:
    """The schema is migrated before that step. CloudFormation then replaces one function after the other: every second step is of a new one."""

    def steps() -> Iterator[Ask]:
        for step in range(STEPS):
            if step == migrated:
                migrate(old_world.database)
            replaced = step > migrated and step % 2
            yield invoke if replaced else lambda function, event: release.ask(function, event, clock)

    play(old_world, steps(), catalog)
    check_day(old_world, [release.ask("aws"), done_by(new)])


@pytest.mark.parametrize("replaced", range(0, STEPS, EACH))
def test_new_functions_leave_for_later_what_an_older_schema_cannot(
    old_world: World, release: Release, new: FakeAws, catalog: Path, clock: datetime, replaced: int
) -> None:
    """As after going back on purpose: from that step on the functions are new, and the schema follows with the first call that waits for it. A call that
    comes too early is repeated by its caller, and is never refused."""

    def patient(function: str, event: dict[str, Any]) -> Any:
        try:
            answer = invoke(function, event)
            if isinstance(answer, dict) and not answer.get("batchItemFailures") and answer.get("Status") != "FAILED":
                return answer
        except StateUnavailable:
            pass
        migrate(old_world.database)
        return invoke(function, event)

    def steps() -> Iterator[Ask]:
        for step in range(STEPS):
            yield patient if step >= replaced else lambda function, event: release.ask(function, event, clock)

    play(old_world, steps(), catalog)
    migrate(old_world.database)
    invoke("monitor", {})
    check_day(old_world, [release.ask("aws"), done_by(new)])


def test_the_new_schema_has_every_function_that_the_release_before_calls(old_world: World, release: Release) -> None:
    """With these arguments, and exactly these fields in the answer: that release knows no others. What it does not call may change."""
    expected = release.ask("calls")
    migrate(old_world.database)
    query = """
        SELECT p.proname, p.proargnames[1:p.pronargs]::text[], ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a(t, o) ORDER BY o),
            p.proretset, ARRAY(SELECT n FROM unnest(p.proargnames, p.proargmodes) WITH ORDINALITY a(n, m, o) WHERE m IN ('o', 't') ORDER BY o)
        FROM pg_proc p WHERE pronamespace = 'public'::regnamespace"""
    found: dict[str, list[Any]] = {}
    for name, _, arguments, rows, answer in old_world.sql(query):
        found.setdefault(name, []).append((arguments, rows, answer))
    assert len(expected) > 40
    missing = []
    for name, call in expected.items():
        wanted = [SQL_TYPES[each] for each in call["arguments"]]
        matching = [each for each in found.get(name, []) if each[0] == wanted]
        if not matching:
            missing.append(f"it calls {name}({', '.join(wanted)}); the new schema has {found.get(name)}")
        elif call["fields"]:
            _, rows, answer = matching[0]
            read = call["fields"] if rows else sorted(call["fields"])
            if (rows, answer if rows else sorted(answer)) != (call["rows"], read):
                missing.append(f"{name} answers {answer}, and it reads {read}")
    assert missing == []
