"""Keeps the application running for `headgate up`: `python -m headgate.local.supervisor`. SIGTERM ends it and its data is kept.

It reads its settings as JSON from standard input. While it runs it holds a lock on `<folder>/lock`, which has its process id in it.
"""

import fcntl
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from headgate.local import postgres, runtime, stack
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
        except (postgres.PostgresError, stack.StartError, stack.FunctionError) as error:
            sys.exit(str(error))
        finally:
            (folder / "runtime.json").unlink(missing_ok=True)


def _serve(given: dict[str, Any], folder: Path, ended: threading.Event) -> None:
    places = stack.Places(Path(given["project"]), Path(given["statemachines"]), folder)
    with runtime.running(places, keep=True) as running:
        _print("local PostgreSQL and AWS endpoint started")
        running.deploy(_print)
        catalog = json.loads((places.statemachines / "catalog" / "catalog.json").read_bytes())
        scripts = Path(given["jobs"]) if given.get("jobs") else None
        provision(running, catalog, scripts, folder / "data")
        known = {
            "outputs": running.outputs,
            "options": running.credentials,
            "postgres": running.postgres.dsn(),
            "data_api": running.data_api,
        }
        scratch = folder / "runtime.json.new"
        scratch.touch(0o600)
        scratch.write_text(json.dumps(known, indent=2))
        scratch.replace(folder / "runtime.json")
        _print("ready")
        ended.wait()


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
