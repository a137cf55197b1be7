"""Keeps the application running for `headgate up`: `python -m headgate.local.supervisor`. SIGTERM ends it and its data is kept.

It reads its settings as JSON from standard input. While it runs it holds a lock on `<folder>/lock`, which has its process id in it.
"""

import contextlib
import fcntl
import json
import os
import platform
import signal
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headgate.local import postgres, relay, runtime, stack
from headgate.local.process import LOOPBACK
from headgate.local.provisioning import provision


def main() -> None:
    given: dict[str, Any] = json.load(sys.stdin)
    folder = Path(given["folder"])
    with open(folder / "lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("the local runtime is running already")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        ended = threading.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda number, frame: ended.set())
        try:
            _serve(given, folder, ended)
        except (postgres.PostgresError, stack.StartError, stack.FunctionError, relay.RelayError) as error:
            sys.exit(str(error))
        finally:
            (folder / "runtime.json").unlink(missing_ok=True)


def _serve(given: dict[str, Any], folder: Path, ended: threading.Event) -> None:
    places = stack.Places(Path(given["project"]), Path(given["statemachines"]), folder)
    with runtime.running(places, keep=True) as running, contextlib.ExitStack() as reached:
        _print("local PostgreSQL and AWS endpoint started")
        running.deploy(_print)
        catalog = json.loads((places.statemachines / "catalog" / "catalog.json").read_bytes())
        scripts = Path(given["jobs"]) if given.get("jobs") else None
        provision(running, catalog, scripts, folder / "data")
        for_containers = _relayed(running, given.get("containers"), reached)
        known = {
            "outputs": running.outputs,
            "options": running.credentials,
            "postgres": running.postgres.dsn(),
            "data_api": running.data_api,
            "container_addresses": for_containers,
            "architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
            "sam": stack.sam(),
        }
        scratch = folder / "runtime.json.new"
        scratch.touch(0o600)
        scratch.write_text(json.dumps(known, indent=2))
        scratch.replace(folder / "runtime.json")
        _print("ready")
        ended.wait()


def _relayed(running: runtime.Runtime, wanted: str | None, reached: contextlib.ExitStack) -> dict[str, str] | None:
    """The runtime's addresses as containers reach them: at `wanted`, or at the container bridge where that is empty. None if they
    are not wanted."""
    if wanted is None:
        return None
    bridge = wanted or relay.bridge_address()
    ports = {urlsplit(each).port or 0 for each in running.addresses.values()}
    reached.enter_context(relay.relayed(bridge, sorted(ports)))
    return {name: each.replace(LOOPBACK, bridge) for name, each in running.addresses.items()}


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
