"""Kill -9 at every boundary of loading files: the end is that of an undisturbed day, no file is lost, and none is loaded twice."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import file_batches
import lost_machines
import runtime
import ticks
from effects import Performer
from headgate.local.postgres import USER, running
from step_types import glue
from tests.disk_aws import JOB, DiskAws
from tests.files_engine import Engine
from tests.killing import Kill, KillServer, Point
from tests.state_files import positions
from tests.state_loading import SETTINGS, names
from tests.state_steps import LOADED, TODAY
from tests.state_world import ENVIRONMENT, SOAK, World, make_template, new_world, step
from tests.test_landing import notified

pytestmark = pytest.mark.slow
FILES, SIZE = 3, 2  # in batches of two
MACHINE, CHILD = 6, 5  # actions of an execution on an undisturbed day, and of the first execution of a batch
POINTS = [
    Point("landing", "sources"),
    Point("landing", "record_files", "before"),
    Point("landing", "record_files"),
    Point("landing", "start_execution"),
    Point("dependency_gate", "register_wait"),
    Point("dependency_gate", "send_task_success"),
    Point("pipeline_configuration", "begin_pipeline"),
    Point("file_batches", "plan_batches", "before"),
    Point("file_batches", "plan_batches"),
    Point("file_batches", "put_object"),
    Point("file_batches", "put_object", nth=2),
    Point("job_tracker", "record_job_start", "before"),
    Point("job_tracker", "record_job_start"),
    Point("job", "get_object"),
    Point("job", "do"),
    Point("job", "do", nth=2),
    Point("job", "put_object"),
    Point("job_status", "record_job_states", "before"),
    Point("job_status", "record_job_states"),
    Point("job_status", "send_task_success"),
    Point("file_batches", "record_batch", "before"),
    Point("file_batches", "record_batch"),
    Point("outcome_recorder", "finish_attempt", "before"),
    Point("outcome_recorder", "finish_attempt"),
]


def some(every: list[Any]) -> list[Any]:
    """All of them in `make soak`."""
    return every if SOAK > 1 else every[::4]


def started(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """raw/positions is loaded, and three files of its date have landed that no function has been told of."""
    disk = DiskAws(tmp_path / "aws")
    made = Engine(world, disk)
    for module, name in ((glue, "glue"), (ticks, "scheduler"), (lost_machines, "machines"), (file_batches, "s3")):
        monkeypatch.setattr(module, name, lambda: disk)
    monkeypatch.setattr(ticks, "_seen", {})
    monkeypatch.setattr(runtime, "database", lambda: world.database)
    monkeypatch.setattr(runtime, "state", lambda: world.state)
    monkeypatch.setattr(runtime, "performer", lambda: Performer(world.state, disk.client))
    monkeypatch.setattr(runtime, "now", lambda: made.now)
    monkeypatch.setenv("BATCHES_BUCKET", "batches")
    loading = {**step("load"), "resource": JOB, "settings": {"batches": {**SETTINGS, "max_files": SIZE}}}
    entry = {**positions({"count": FILES}), "pipeline": {"timeout": None, "steps": [loading]}}
    world.load({"raw/positions": entry}, LOADED)
    return made


@pytest.fixture
def engine(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return started(world, tmp_path, monkeypatch)


@pytest.fixture
def engine_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """On a server that no other test uses, and that keeps what is committed, as the one on AWS does."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with running() as server:
        make_template(server)
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {USER} SET synchronous_commit = on")
        with new_world(server) as world:
            yield started(world, tmp_path, monkeypatch)


def play(engine: Engine) -> None:
    engine.deliver([notified(each) for each in names(FILES)])
    engine.play()


def check(engine: Engine, once: bool = True) -> None:
    """`once`: no job run loaded a file that another one had loaded."""
    world, run = engine.world, engine.world.run("raw/positions", TODAY)
    assert run["status"] == "COMPLETED"
    assert world.sql("SELECT status, count(*)::integer FROM landing_file GROUP BY 1") == [("PROCESSED", FILES)]
    assert world.sql("SELECT count(*) FROM landing_batch WHERE status = 'PLANNED'") == [(0,)]
    assert world.sql("SELECT count(*) FROM effect WHERE done_at IS NULL AND kind <> 'stop_execution'") == [(0,)]
    loads = Counter(each["version"] for each in engine.aws.done("loads"))
    assert len(loads) == FILES
    assert set(loads.values()) == {1} or not once
    assert {each["attempt"] for each in engine.refreshes()} == {run["attempt"]}
    assert world.sql(
        "SELECT count(*) FROM refresh_event WHERE product_id = 'raw/positions' AND superseded_at IS NULL"
    ) == [(1,)]


def test_an_undisturbed_day(engine: Engine) -> None:
    play(engine)
    check(engine)
    assert engine.actions == {"machine": MACHINE, "child": 2 * CHILD}
    assert engine.world.run("raw/positions", TODAY)["attempt"] == 1


@pytest.mark.parametrize("point", some(POINTS), ids=str)
def test_a_function_or_job_that_is_killed_changes_nothing(engine: Engine, point: Point) -> None:
    """A job that dies has loaded what nobody knows of: it is loaded once more, by the same key."""
    engine.kill = Kill(point, engine.world, engine.aws)
    play(engine)
    assert engine.kill.killed
    check(engine, once=point.handler != "job" or point.name == "get_object")
    assert engine.world.run("raw/positions", TODAY)["attempt"] == 1


@pytest.mark.parametrize("action", some(list(range(1, MACHINE + 1))))
def test_an_execution_that_is_lost_is_made_up_for_by_the_next_attempt(engine: Engine, action: int) -> None:
    engine.machine_dies = action
    play(engine)
    check(engine)
    assert engine.world.run("raw/positions", TODAY)["attempt"] == (2 if action < MACHINE else 1)


@pytest.mark.parametrize("action", some(list(range(1, CHILD + 1))))
def test_an_execution_of_a_batch_that_is_lost_is_made_up_for_by_the_next_wave(engine: Engine, action: int) -> None:
    engine.child_dies = action
    play(engine)
    check(engine)
    assert engine.world.run("raw/positions", TODAY)["attempt"] == 1


TRANSACTIONS = [
    Point("landing", "record_files"),
    Point("file_batches", "plan_batches"),
    Point("job_tracker", "record_job_start"),
    Point("file_batches", "record_batch"),
    Point("outcome_recorder", "finish_attempt"),
]


@pytest.mark.skipif(SOAK == 1, reason="a server for each: in `make soak`")
@pytest.mark.parametrize("point", TRANSACTIONS, ids=str)
def test_a_server_that_is_killed_in_the_middle_of_a_transaction_changes_nothing(
    engine_of_its_own: Engine, point: Point
) -> None:
    engine_of_its_own.kill = KillServer(point, engine_of_its_own.world, engine_of_its_own.aws)
    play(engine_of_its_own)
    assert engine_of_its_own.kill.killed
    check(engine_of_its_own)
    assert engine_of_its_own.world.run("raw/positions", TODAY)["attempt"] == 1
