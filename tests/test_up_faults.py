"""`headgate up` when something goes wrong under it: it is killed, its parts die, its folder goes, it is interrupted while it starts."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from headgate.local import presence
from tests.headgate_command import HEADGATE, headgate, mentioning, output_of
from tests.local_application import ROOT, needs_sam
from tests.state_world import in_soak

pytestmark = [pytest.mark.slow, needs_sam]
DATE = "2026-11-12"
SCRIPT = "import sys\nprint('reading 3 files')\nprint('no space left', file=sys.stderr)\nsys.exit(1)\n"


@pytest.fixture(scope="module", autouse=True)
def waiting(up: Path) -> None:
    """A run of d1/ds2 waits."""
    output_of(up, "backfill", "d1/ds2", "--date", DATE)


def runtime_of(folder: Path) -> Path:
    return folder / ".headgate" / "local"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def part(folder: Path, name: str) -> int:
    """The process of the endpoint or of PostgreSQL."""
    if name == "postgres":
        return int((runtime_of(folder) / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
    supervisor = presence.look(runtime_of(folder)).process
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    (found,) = [each for each in children if b"endpoint" in Path(f"/proc/{each}/cmdline").read_bytes()]
    return int(found)


def restarts(folder: Path) -> int:
    """How often the execution of the waiting run was started."""
    return output_of(folder, "history", "d1/ds2", "--date", DATE).count("execution started")


def change_sql(folder: Path) -> None:
    """The project gets functions of its own, with one SQL function more."""
    (folder / "functions").unlink()
    shutil.copytree(ROOT / "functions", folder / "functions")
    file = folder / "functions" / "state" / "transitions" / "97_history.sql"
    made = "CREATE OR REPLACE FUNCTION made_by_a_change() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 42 $$;"
    file.write_text(f"{file.read_text()}\n{made}\n")


def answer_of_changed_sql(folder: Path) -> tuple[int] | None:
    known = presence.look(runtime_of(folder)).known
    assert known is not None
    with psycopg.connect(known["postgres"]) as connection:
        return connection.execute("SELECT made_by_a_change()").fetchone()


@in_soak
@pytest.mark.parametrize("name", ["endpoint", "postgres"])
def test_a_part_that_dies_is_started_again_and_nothing_is_lost(up: Path, name: str) -> None:
    before, address = restarts(up), presence.look(runtime_of(up)).known
    died = part(up, name)
    os.kill(died, signal.SIGKILL)
    until(lambda: presence.look(runtime_of(up)).known is None)
    assert "is being started (process" in headgate("status", folder=up).stderr
    until(lambda: presence.look(runtime_of(up)).known is not None)
    assert part(up, name) != died
    assert presence.look(runtime_of(up)).known["options"] == address["options"]  # type: ignore[index]
    assert restarts(up) == before + (name == "endpoint"), "the machine of the run that waits was gone with the endpoint"
    assert "ended unexpectedly; starting it again" in (runtime_of(up) / "up.log").read_text()


def test_after_kill_9_commands_say_so_and_up_continues(up: Path) -> None:
    before, killed = restarts(up), presence.look(runtime_of(up)).process
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until(lambda: presence.look(runtime_of(up)).process is None)
    refused = headgate("status", folder=up)
    assert refused.returncode == 2
    assert "it was killed, or the machine was restarted. `headgate up` continues with its data" in refused.stderr
    assert headgate("down", folder=up).stdout == "no application was running\n"
    started = headgate("up", "--json", folder=up)
    assert started.returncode == 0, started.stderr
    assert json.loads(started.stdout)["process"] not in (killed, None)
    assert restarts(up) == before + 1


@in_soak
def test_scripts_and_sql_take_effect_on_an_application_that_ran_before_and_output_is_shown(
    up: Path, tmp_path: Path
) -> None:
    (tmp_path / "d1-ds2-build.py").write_text(SCRIPT)
    before = restarts(up)
    assert headgate("down", folder=up).stdout == "stopped\n"
    change_sql(up)
    assert f"1 of 15 jobs, functions and tasks have a script in {tmp_path}" in output_of(
        up, "up", "--jobs", str(tmp_path)
    )
    assert restarts(up) == before + 1, "stopped in order it is the same as killed"
    assert answer_of_changed_sql(up) == (42,), "the commit is the same"
    output_of(up, "event", "raw/rd3", "--date", DATE)
    until(lambda: "FAILED" in output_of(up, "history", "d1/ds2", "--date", DATE))
    assert sorted(output_of(up, "logs", "d1/ds2", "--date", DATE).splitlines()) == [
        "  no space left", "  reading 3 files", "step build: d1-ds2-build, FAILED",
    ]  # fmt: skip


def test_a_folder_inside_the_project_is_told_the_way_out(up: Path) -> None:
    (up / "inside").mkdir()
    for command in ("status", "up", "down"):
        done = headgate(command, folder=up / "inside")
        assert (done.returncode, f"`cd {up}`" in done.stderr) == (2, True), done.stderr


@in_soak
def test_a_deleted_folder_ends_the_application_and_stays_deleted(up: Path) -> None:
    process = presence.look(runtime_of(up)).process
    (up / ".headgate").rename(up / "deleted")  # at one moment
    shutil.rmtree(up / "deleted", ignore_errors=True)
    assert "no application is running on this machine" in headgate("status", folder=up).stderr
    until(lambda: not Path(f"/proc/{process}").exists())
    assert mentioning(str(runtime_of(up))) == []
    assert not (up / ".headgate").exists()
    assert headgate("up", folder=up).returncode == 0


@in_soak
def test_an_interrupted_start_leaves_no_process(up: Path) -> None:
    """At whatever moment. A `headgate up` that is killed cannot wait for the end of what it started; the next one continues in any case."""
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        headgate("down", folder=up)
        after = random.Random().uniform(0.3, 6)  # noqa: S311
        starting = subprocess.Popen(
            [*HEADGATE, "up"], cwd=up, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(after)
        starting.send_signal(how)
        code = starting.wait(60)
        if code == 0:  # it was faster
            continue
        assert code == (-signal.SIGKILL if how == signal.SIGKILL else 130)
        if how == signal.SIGKILL:
            until(lambda: mentioning(str(runtime_of(up))) == [])
        assert mentioning(str(runtime_of(up))) == [], f"{how.name} after {after:.2f} s"
    headgate("down", folder=up)
    started = headgate("up", folder=up)
    assert started.returncode == 0, started.stderr
