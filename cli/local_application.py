"""The process of the application that `headgate up` leaves running: started, found and stopped."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import headgate
from headgate.cli.errors import UsageError
from headgate.cli.progress import Stages

START_SECONDS, STOP_SECONDS = 600.0, 60.0
POLL_SECONDS = 0.1


def process_of(folder: Path) -> int | None:
    """The id of the process that runs the application of this folder, if one does."""
    try:
        with open(folder / "lock", "r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def start(settings: dict[str, str | None], folder: Path, stages: Stages) -> dict[str, Any]:
    """Starts the supervisor, reports its stages until the application is ready, and returns its endpoints and outputs.
    Raises `UsageError` with the log if it does not become ready."""
    log, ready = folder / "up.log", folder / "runtime.json"
    search_path = str(Path(headgate.__file__).parent.parent)
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "headgate.local.supervisor"], stdin=subprocess.PIPE, stdout=output, stderr=output,
            start_new_session=True, env={**os.environ, "PYTHONPATH": search_path},
        )  # fmt: skip
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(json.dumps(settings).encode())
    shown, deadline = 0, time.monotonic() + START_SECONDS
    try:
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise UsageError(f"the application did not start:\n{log.read_text(errors='replace').strip()}")
            lines = log.read_text(errors="replace").splitlines()
            for line in lines[shown:]:
                stages(line)
            shown = len(lines)
            time.sleep(POLL_SECONDS)
    except BaseException:  # also when the user interrupts it
        process.send_signal(signal.SIGTERM)
        raise
    known: dict[str, Any] = json.loads(ready.read_text("utf-8"))
    return known


def stop(folder: Path) -> bool:
    """Stops the application, and returns whether it was running. Its data stays. Raises `UsageError`."""
    process = process_of(folder)
    if process is None:
        return False
    os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while process_of(folder) is not None:
        if time.monotonic() > deadline:
            raise UsageError(f"process {process} did not stop within {STOP_SECONDS:.0f} s; see {folder / 'up.log'}")
        time.sleep(POLL_SECONDS)
    return True
