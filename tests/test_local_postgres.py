"""PostgreSQL of our own: it keeps its data, several run side by side, and none outlives the process that started it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from headgate.local import postgres
from headgate.local.postgres import running
from headgate.local.process import listener

ROOT = Path(__file__).parent.parent
HOLD = """
import sys, time
from headgate.local.postgres import running
from pathlib import Path
with running(Path(sys.argv[1]) if len(sys.argv) > 1 else None) as server:
    print(server.pid, server.dsn(), flush=True)
    time.sleep(600)
"""


def test_a_folder_keeps_its_data_and_password(tmp_path: Path) -> None:
    with running(tmp_path / "state") as server, psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with running(tmp_path / "state") as server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert (tmp_path / "state/password").stat().st_mode & 0o777 == 0o600


def test_temporary_servers_run_side_by_side_and_leave_nothing() -> None:
    with running() as one, running() as two:
        assert one.port != two.port
        folders = one.folder, two.folder
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(one.dsn().replace(one.password, "guess"))
    assert not any(folder.exists() for folder in folders)


def test_a_port_that_another_process_takes_first_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between choosing a port and binding it another process may bind it; the same while the server is restarted."""
    free = postgres._free_port
    with listener() as other:
        taken = other.getsockname()[1]
        chosen = iter([taken, taken])
        monkeypatch.setattr(postgres, "_free_port", lambda: next(chosen, None) or free())
        with postgres.running(tmp_path) as server:
            assert server.port != taken
            assert next(chosen, None) is None, "both were tried"
            with psycopg.connect(server.dsn()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_restart_waits_for_its_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres.running(tmp_path) as server:
        start = postgres._start
        taken: list[socket.socket] = []

        def start_late(home: Path, port: int, temporary: bool) -> "subprocess.Popen[bytes]":
            if not taken:
                taken.append(listener(port))
            process = start(home, port, temporary)
            if len(taken) == 1:
                process.wait()
                taken.append(taken[0])
                taken[0].close()
            return process

        monkeypatch.setattr(postgres, "_start", start_late)
        server.restart()
        with psycopg.connect(server.dsn()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_lock_file_whose_process_id_another_process_has_got_is_no_hindrance(tmp_path: Path) -> None:
    """As after a restart of the machine. PostgreSQL itself would refuse to start."""
    with running(tmp_path):
        lock = (tmp_path / "data" / "postmaster.pid").read_text()
    other = subprocess.Popen(["sleep", "600"])
    (tmp_path / "data" / "postmaster.pid").write_text("\n".join([str(other.pid), *lock.splitlines()[1:]]) + "\n")
    with running(tmp_path) as server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    other.kill()
    other.wait()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_the_process_that_started_it_and_recovers(tmp_path: Path, how: signal.Signals) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    pid, _, dsn = holder.stdout.readline().strip().partition(" ")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")

    holder.send_signal(how)
    holder.wait()

    for _ in range(200):
        if not alive(int(pid)):
            break
        time.sleep(0.05)
    assert not alive(int(pid))
    with running(tmp_path) as server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # a process that has ended may still be listed
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "State:\tZ" in status.read_text())


@pytest.mark.slow
@pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="only root on Linux can become another user for this"
)
def test_it_runs_for_a_user_who_is_not_root(tmp_path: Path) -> None:
    """In a user namespace this process is nobody, as far as PostgreSQL and the launcher can see."""
    script = "import os; from headgate.local.postgres import running\nwith running() as server: print(os.geteuid(), server.port > 0)"
    done = subprocess.run(
        ["unshare", "--user", "--map-user=1000", sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == ["1000", "True"], done.stderr
