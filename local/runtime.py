"""The whole application on this machine: PostgreSQL, the Data API, the local AWS endpoint, built and deployed by SAM."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from urllib.request import urlopen

import psycopg
from botocore.exceptions import ClientError

from headgate.local import endpoint, postgres
from headgate.local.clock import OFFSET
from headgate.local.control import Control
from headgate.local.data_api import DataApi
from headgate.local.data_api_server import served
from headgate.local.process import listener, popen
from headgate.local.stack import ACCOUNT, REGION, Places, Stack, StartError, end_of

# The endpoint's, its control's and the Data API's, each if it is free; events/env.json names the first and last.
KEPT_PORTS = (4566, 4598, 4599)
START_SECONDS, STOP_SECONDS = 60, 30
SAVED_BY_ENDPOINT = ("endpoint", "s3")


class Runtime(Stack):
    """The running parts, and the stack of the default account; `stack` gives that of another."""

    def __init__(
        self, places: Places, server: postgres.Postgres, data_api: str, sockets: endpoint.Sockets, keep: bool
    ) -> None:
        super().__init__(places, sockets.url)
        self.postgres, self.data_api, self._keep = server, data_api, keep
        self._sockets = sockets
        self.control = Control(sockets.control_url)
        self._process: subprocess.Popen[bytes] | None = None

    def stack(self, account: str, region: str = REGION) -> Stack:
        """The stack of another account, deployed or not."""
        return Stack(self.places, self.url, account, region)

    def open_runs(self, day: date) -> int:
        """How many runs of the business date are WAITING or PROCESSING."""
        query = (
            "SELECT count(*) FROM data_product_status WHERE status IN ('WAITING', 'PROCESSING') AND business_date = %s"
        )
        with psycopg.connect(self.postgres.dsn(), autocommit=True) as connection:
            row = connection.execute(query, [day]).fetchone()
        return int(row[0]) if row else 0

    @property
    def addresses(self) -> dict[str, str]:
        """The variables by which functions outside the endpoint find this runtime."""
        return endpoint.addresses(self._sockets, self.data_api)

    def start_endpoint(self) -> None:
        folder = self.places.folder
        for name in ("tmp", *SAVED_BY_ENDPOINT):
            (folder / name).mkdir(parents=True, exist_ok=True)
        variables = endpoint.environment(folder, self.places.project, self._sockets, self.data_api, self._keep)
        variables["PYTHONPATH"] = str(Path(__file__).parents[2])  # the package is found from any working directory
        command = [sys.executable, "-P", "-c", "from headgate.local.endpoint import main; main()"]
        keep_open = self._sockets.descriptors
        self._process = popen(command, folder / "endpoint.log", signal.SIGTERM, variables, keep_open=keep_open)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), urlopen(f"{self.url}/_ministack/health", timeout=1):  # noqa: S310 - loopback
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StartError(f"the local AWS endpoint did not start:\n{end_of(folder / 'endpoint.log')}")

    def stop_endpoint(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        """Its exit code; None if it did not run."""
        if self._process is None:
            return None
        self._process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
        code, self._process = self._process.wait(), None
        return code

    def ended(self) -> str:
        """The parts that ended by themselves; empty while all run."""
        processes = {"PostgreSQL": self.postgres.process, "the local AWS endpoint": self._process}
        return " and ".join(name for name, each in processes.items() if each is not None and each.poll() is not None)

    def restart_ended(self) -> None:
        """Starts the parts that ended by themselves, at the addresses of before. PostgreSQL has its data. The endpoint begins empty: what it
        had saved is older than what it knew when it ended. Raises `PostgresError` and `StartError`."""
        if self.postgres.process.poll() is not None:
            self.postgres.restart()
        if self._process is None or self._process.poll() is not None:
            forget_endpoint(self.places.folder)
            self.start_endpoint()


def forget_endpoint(folder: Path) -> None:
    """Deletes what the endpoint saved in the folder of a runtime."""
    for name in SAVED_BY_ENDPOINT:
        shutil.rmtree(folder / name, ignore_errors=True)


@contextlib.contextmanager
def running(places: Places, keep: bool = False, starts: datetime | None = None) -> Iterator[Runtime]:
    """The parts, started; nothing is deployed. They continue with the data in `places.folder`; `keep` keeps the data. The clock begins at
    `starts`, or shows the machine's own time."""
    places.folder.mkdir(parents=True, exist_ok=True)
    if starts is not None:
        (places.folder / "clock").write_bytes(OFFSET.pack(starts.timestamp() - time.time()))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(postgres.running(places.folder / "postgres", temporary=not keep))
        port, control, data_port = KEPT_PORTS if keep else (0, 0, 0)
        sockets = endpoint.Sockets(*(stack.enter_context(listener(each)) for each in (port, control)))
        api = DataApi(_database_of(server), role_of=_roles(places, sockets.url))
        data_api = stack.enter_context(served(api, data_port))
        saved = (places.folder / "endpoint").exists()
        runtime = Runtime(places, server, data_api, sockets, keep or saved)
        stack.callback(runtime.stop_endpoint)
        runtime.start_endpoint()
        yield runtime


def _database_of(server: postgres.Postgres) -> Callable[[str], str]:
    """Each account's cluster is a separate database."""

    @cache
    def dsn(cluster: str) -> str:
        account = cluster.split(":")[4]
        if account == ACCOUNT:
            return server.dsn()
        server.create_database(f"headgate_{account}")
        return server.dsn(f"headgate_{account}")

    return dsn


def _roles(places: Places, url: str) -> Callable[[str], str | None]:
    """The database role of a secret: the user that it names. A user whose secret the cluster manages is the owner, and so is one that the endpoint
    does not know, as in events/env.json. Passwords are not compared: whoever reaches the Data API may be any of them."""

    @cache
    def role(secret: str) -> str | None:
        _, _, _, region, account, _, name = secret.split(":", 6)
        if name.startswith("rds!"):
            return None
        try:
            found = Stack(places, url, account, region).client("secretsmanager").get_secret_value(SecretId=secret)
        except ClientError:
            return None
        return str(json.loads(found["SecretString"])["username"])

    return role
