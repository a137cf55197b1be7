"""PostgreSQL for the tests: its state is migrated once a session, and each worker of the session has a copy of it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from headgate.local.postgres import USER, Postgres, running
from tests.state_world import ENVIRONMENT, make_template

DONE = "migrated"  # this file says that the folder is whole


@contextmanager
def migrated() -> Iterator[Postgres]:
    """A server of the worker's own, with the migrated database that worlds are copies of."""
    first = Path(os.environ["HEADGATE_TEST_SESSION"], "postgres")
    with open(f"{first}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (first / DONE).exists():
            with running(first) as server:
                make_template(server)
                quicken(server)
            (first / DONE).touch()
    with tempfile.TemporaryDirectory(prefix="headgate-postgres-") as folder:
        own = shutil.copytree(first, Path(folder, "postgres"))
        with running(own, temporary=True) as server:
            yield server


def quicken(server: Postgres) -> None:
    """Its owner connects without a password, whose check costs more than most statements, and nothing works beside the tests. Other users keep theirs."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET autovacuum = off")
    file = server.folder / "data" / "pg_hba.conf"
    file.write_text(f"host all {USER} 127.0.0.1/32 trust\n{file.read_text()}")


@contextmanager
def of_a_benchmark() -> Iterator[Postgres]:
    """A temporary server with the migrated database, and the environment of functions, for a program that is no test."""
    os.environ.update(ENVIRONMENT)
    with running() as server:
        make_template(server)
        yield server
