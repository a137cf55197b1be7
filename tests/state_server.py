"""PostgreSQL for the tests: its state is migrated once a session, and each worker of the session has a copy of it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgate.local.postgres import Postgres, running
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
            (first / DONE).touch()
    with tempfile.TemporaryDirectory(prefix="headgate-postgres-") as folder:
        own = shutil.copytree(first, Path(folder, "postgres"))
        with running(own, temporary=True) as server:
            yield server


@contextmanager
def of_a_benchmark() -> Iterator[Postgres]:
    """A temporary server with the migrated database, and the environment of functions, for a program that is no test."""
    os.environ.update(ENVIRONMENT)
    with running() as server:
        make_template(server)
        yield server
