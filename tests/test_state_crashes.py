"""Workers die by kill -9 at every boundary of an effect: the monitor brings every run to its right end, and nothing is
done twice."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import monitor
import runtime
from effects import Performer
from tests.fake_aws import FakeAws
from tests.state_world import World, at, external, product

ROOT = Path(__file__).parent.parent
LOADED, SIX, LATER = at("2026-11-20 00:00"), at("2026-11-20 06:00"), at("2026-11-20 06:10")

WORKER = """
import sys
sys.path[:0] = ["functions", "."]
from effects import Performer
from state.calls import State
from state.database import Database
from tests.state_world import client
from tests.test_state_crashes import SIX, LoggedAws, die_at
url, log, boundary = sys.argv[1:]
aws = LoggedAws(log)
database = Database(client(url))
die_at(boundary, aws, database)
Performer(State(database), lambda *place: aws).perform_due(lambda: SIX)
"""
BOUNDARIES = [
    "before claiming",
    "after claiming",
    "before the first",
    "after the first",
    "after the third",
    "before saying so",
    "after saying so",
]


class LoggedAws:
    """AWS kept in a file that outlives the worker: what was done, and that a second time is refused as AWS refuses it."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def done(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    def _do(self, what: str, refusal: str) -> None:
        if what in self.done():
            raise ClientError({"Error": {"Code": refusal, "Message": ""}}, "x")
        with open(self.path, "a") as file:
            file.write(what + "\n")

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, str]:  # noqa: N803, A002
        self._do(f"start {name}", "ExecutionAlreadyExists")
        return {"executionArn": name}

    def send_task_success(self, taskToken: str, output: str) -> None:  # noqa: N803
        self._do(f"answer {taskToken}", "TaskDoesNotExist")


def die_at(boundary: str, aws: Any, database: Any) -> None:
    """Arranges for this process to be killed at that moment."""
    calls, lock = {"start": 0}, threading.Lock()

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    rows, call, start = database.rows, database.call, aws.start_execution

    def claim(*arguments: Any) -> Any:
        if boundary == "before claiming":
            die()
        found = rows(*arguments)
        if boundary == "after claiming":
            die()
        return found

    def started(**arguments: Any) -> Any:
        with lock:
            calls["start"] += 1
            number = calls["start"]
        if boundary == "before the first":
            die()
        result = start(**arguments)
        if (boundary, number) in (("after the first", 1), ("after the third", 3)):
            die()
        return result

    def finish(*arguments: Any) -> Any:
        if boundary == "before saying so":
            die()
        result = call(*arguments)
        if boundary == "after saying so":
            die()
        return result

    database.rows, database.call, aws.start_execution = claim, finish, started


@pytest.mark.slow
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_what_a_killed_worker_left_is_done_once(world: World, tmp_path: Path, boundary: str) -> None:
    names = {f"d/x{number}": product(name=f"x{number}") for number in range(8)}
    world.load(names, LOADED)
    world.state.open_due_runs(SIX, "scheduler")
    log = tmp_path / "aws"

    worker = subprocess.run(
        [sys.executable, "-c", WORKER, world.url, str(log), boundary], cwd=ROOT, capture_output=True, text=True
    )
    assert worker.returncode == -signal.SIGKILL, worker.stderr
    aws = LoggedAws(str(log))
    survivor = Performer(world.state, lambda *place: aws)
    survivor.perform_due(lambda: SIX)
    survivor.perform_due(lambda: LATER)

    started = [line for line in aws.done() if line.startswith("start")]
    assert sorted(started) == sorted(f"start x{number}-2026-11-20-1" for number in range(8))
    assert world.sql("SELECT count(*) FROM effect WHERE done_at IS NULL") == [(0,)]
    assert world.sql("SELECT max(tries) <= 2 FROM effect") == [(True,)]


@pytest.mark.slow
def test_a_worker_killed_inside_a_transition_leaves_it_whole_or_undone(world: World) -> None:
    """The message comes again, as SQS delivers it again; whether the first call took effect makes no difference."""
    script = (
        "import sys, threading, os, signal; sys.path[:0] = ['functions', '.']\n"
        "from tests.state_world import *\n"
        "world = World(Database(client(sys.argv[1])), '', lambda: sys.argv[1])\n"
        "threading.Timer(float(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGKILL)).start()\n"
        "for n in range(1000): world.event('raw/a', '2026-11-20', at('2026-11-20 06:00'), event_key=f'{n}')\n"
    )
    world.load({f"d/x{number}": product("raw/a", name=f"x{number}") for number in range(50)}, LOADED)
    world.state.open_due_runs(SIX, "scheduler")
    for delay in ("0.001", "0.01", "0.03", "0.1"):
        killed = subprocess.run([sys.executable, "-c", script, world.url, delay], cwd=ROOT, capture_output=True)
        assert killed.returncode == -signal.SIGKILL
        assert len(world.released()) in (0, 50)
    world.event("raw/a", "2026-11-20", SIX)
    assert len(world.released()) == 50
    assert (
        json.dumps(world.sql("SELECT count(*) FROM data_product_status_history WHERE released_at IS NOT NULL"))
        == "[[50]]"
    )


LOADER = """
import sys, threading, os, signal
sys.path[:0] = ["functions", "."]
from state import catalog
from state.calls import State
from state.database import Database
from tests.state_world import client
from tests.test_state_crashes import LOADED, mesh
url, upload, delay = sys.argv[1:]
state = State(Database(client(url)))
threading.Timer(float(delay), lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
for number in range(1000):
    content = {"version": 1, "domains": {}, "calendars": {}, "products": mesh(number % 2)}
    catalog.load(state, content, f"{upload} {number}", "abc", LOADED, "test", LOADED)
"""


def mesh(version: int) -> dict[str, Any]:
    """What forty products wait for depends on the version; the second has one product less."""
    wanted = "raw/b" if version else "raw/a"
    names = [f"d/x{number}" for number in range(40)] + ["d/gone"] * (not version)
    inputs = {name: external() for name in ("raw/a", "raw/b")}
    return inputs | {name: product(wanted, name=name.replace("/", "-")) for name in names}


@pytest.mark.slow
def test_a_loader_killed_inside_a_load_leaves_it_whole_or_undone(world: World) -> None:
    """What it staged is of no load that comes after it; open runs wait for what the catalog says that was loaded last."""
    for turn, delay in enumerate(("0.02", "0.05", "0.1", "0.2", "0.3")):
        world.load(mesh(0), LOADED)
        day = f"2026-11-{20 + turn}"
        world.state.open_due_runs(at(f"{day} 06:00"), "scheduler")
        killed = subprocess.run(
            [sys.executable, "-c", LOADER, world.url, f"{turn}", delay], cwd=ROOT, capture_output=True
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        waits = """SELECT d.upstream, count(*) FROM data_product_dependencies_events_status d JOIN data_product_status r USING (run_id)
            WHERE r.status = 'WAITING' AND r.business_date = %s GROUP BY 1"""
        world.sql(
            "BEGIN ISOLATION LEVEL REPEATABLE READ"
        )  # the server may still be at work on the killed loader's last call
        loaded = world.sql("SELECT upstream, count(*) FROM data_product_dependencies GROUP BY 1")
        cancelled = world.sql(
            "SELECT count(*) FROM data_product_status WHERE business_date = %s AND status = 'CANCELLED'", day
        )[0][0]
        waiting = world.sql(waits, day)
        world.sql("COMMIT")
        assert loaded in ([("raw/a", 41)], [("raw/b", 40)])
        assert waiting == [(loaded[0][0], 41 - cancelled)]
        assert loaded[0][1] == 41 or cancelled == 1
        world.load(mesh(1), LOADED)
        world.event("raw/b", day, at(f"{day} 07:00"))
        assert len([name for name, date in world.released() if date == day]) == 40


STOPPER = """
import os, signal, sys
sys.path[:0] = ["functions", "."]
import job_status, job_tracker, job_services, launches, runtime
from datetime import datetime
from state.calls import State
from state.database import Database
from tests.handler_steps import job, queue
from tests.state_world import PREFIX, client
url, run, boundary = sys.argv[1:]
state = State(Database(client(url)))
runtime.state, runtime.perform_due, runtime.perform_of_run = lambda: state, lambda *given: 0, lambda *given: 0
runtime.now = lambda: datetime.fromisoformat("2026-11-20T06:05:00+00:00")
class Service:
    @staticmethod
    def stop(job_run): os.kill(os.getpid(), signal.SIGKILL)
job_services.step_type = lambda name: Service
launches.findable = lambda name: None
if boundary == "late work":
    job_tracker.handler(job(run), None)
name = "x-2026-11-20-1"
detail = {"executionArn": PREFIX, "stateMachineArn": PREFIX + "m_x", "name": name, "status": "ABORTED"}
event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
job_status.handler(queue(event), None)
"""


@pytest.mark.slow
@pytest.mark.parametrize("boundary", ["late work", "lost machine"])
def test_work_that_a_killed_worker_did_not_stop_is_stopped_by_the_monitor(
    world: World, aws: FakeAws, boundary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the state says that the work should be stopped, and before its service is asked."""
    world.load({"d/x": product(name="x")}, LOADED)
    world.state.open_due_runs(SIX, "scheduler")
    run = world.run("d/x", "2026-11-20")["run_id"]
    world.state.begin_pipeline(run, 1, None, SIX)
    if boundary == "late work":
        world.state.record_outcome(run, 1, "ERROR", None, None, SIX, "machine")
    else:
        world.state.record_job_start(run, 1, "build", "glue", "j", "jr_1", {}, "job", SIX)

    given = [sys.executable, "-c", STOPPER, world.url, str(run), boundary]
    worker = subprocess.run(given, cwd=ROOT, capture_output=True, text=True)
    assert worker.returncode == -signal.SIGKILL, worker.stderr
    aws.jobs["jr_1"] = "RUNNING"
    monkeypatch.setattr(runtime, "now", lambda: LATER)
    monitor.handler({}, None)

    assert aws.stopped == ["jr_1"]
    assert world.run("d/x", "2026-11-20")["status"] == "ERROR"
