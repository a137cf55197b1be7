"""Keeps the application running for `headgate up`: `python -m headgate.local.supervisor`. SIGTERM ends it and its data is kept.

It reads its settings from standard input, one line of JSON. Then it waits there for a line `stay`: an input that ends before means that
`headgate up` was interrupted or killed, and ends the application as well. `presence` tells commands what became of it.
"""

import contextlib
import json
import os
import platform
import shutil
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from headgate.deployment.sam import sam
from headgate.local import presence, relay, runtime, stack
from headgate.local.board_process import BoardProcess
from headgate.local.keeper import ERRORS, FolderLostError, Keeper
from headgate.local.newer_state import require_known_migrations
from headgate.local.process import LOOPBACK
from headgate.local.provisioning import provision

SAVED = "saved"  # this file says that the endpoint saved all it knew: it was stopped in order


def main() -> None:
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    folder = Path(given["folder"])
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, _stop)
    threading.Thread(target=_end_unless_it_stays, daemon=True).start()
    try:
        with presence.held(folder) as held:
            try:
                _serve(given, folder, held)
            except KeyboardInterrupt:
                _print("stopped")
            except FolderLostError as error:
                sys.exit(str(error))
            except (*ERRORS, relay.RelayError, OSError) as error:
                held.end(str(error))
                sys.exit(str(error))
    except presence.AlreadyRunningError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        _print("stopped")


def _stop(number: int, frame: FrameType | None) -> None:
    """Everything is ended in order, wherever it is; a second signal does not disturb that."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_unless_it_stays() -> None:
    if sys.stdin.readline() != presence.STAY:
        os.kill(os.getpid(), signal.SIGTERM)


def _serve(given: dict[str, Any], folder: Path, held: presence.Held) -> None:
    places = stack.Places(Path(given["project"]), Path(given["statemachines"]), folder)
    saved = folder / SAVED
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    if not saved.exists():
        runtime.forget_endpoint(folder)
    saved.unlink(missing_ok=True)
    with runtime.running(places, keep=True) as running, contextlib.ExitStack() as reached:
        _print("local PostgreSQL and AWS endpoint started")
        require_known_migrations(running.postgres.dsn(), places.project)
        for_containers = _relayed(running, given.get("containers"), reached)
        board = BoardProcess(given["board"], folder, reached)

        def prepare() -> None:
            # a commit that is older than the one before is meant as it is
            shadow = "true" if given.get("shadow") else "false"
            running.deploy(_print, {"ForceCatalog": "true", "Shadow": shadow})
            catalog = json.loads((places.statemachines / "catalog" / "catalog.json").read_bytes())
            provision(running, catalog, Path(given["jobs"]) if given.get("jobs") else None, folder / "data")
            running.call_function(
                "MonitorFunction", {"at_once": True}
            )  # nothing else reports what ended with the endpoint
            held.publish({**_known(running, for_containers), "board": board.address})
            _print("ready")

        try:
            Keeper(running, held, prepare, board.keep, _print).keep()
        except FolderLostError:
            running.stop_endpoint(
                signal.SIGKILL
            )  # stopped in order it would save what it knows, and create the folder for that
            raise
        except KeyboardInterrupt:
            deployed = held.is_usable
            held.withdraw()
            if running.stop_endpoint() == 0 and deployed:
                saved.touch()
            raise


def _known(running: runtime.Runtime, for_containers: dict[str, str] | None) -> dict[str, Any]:
    return {
        "outputs": running.outputs,
        "options": running.credentials,
        "postgres": running.postgres.dsn(),
        "data_api": running.data_api,
        "container_addresses": for_containers,
        "architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
        "sam": sam(),
    }


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
