"""The process of the application that `headgate up` leaves running: started, found and stopped."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import headgate
from headgate.cli.errors import UsageError
from headgate.cli.progress import Stages
from headgate.local import presence

START_SECONDS, STOP_SECONDS = 600.0, 60.0
POLL_SECONDS = 0.1
NEEDED = 400_000_000  # bytes: an empty state, the built application, and room to work


def require_room(folder: Path) -> None:
    """Raises `UsageError` unless the disk has room for the application."""
    free = shutil.disk_usage(folder).free
    if free < NEEDED:
        raise UsageError(
            f"the disk of {folder} has {free / 1e6:.0f} MB left, the application needs {NEEDED / 1e6:.0f} MB; nothing was started. Free some; "
            f"{folder.parent / 'deployments'} can be deleted at any time"
        )


def start(settings: dict[str, str | None], folder: Path, stages: Stages) -> dict[str, Any]:
    """Starts the supervisor, reports its stages until the application can be used, and returns its endpoints and outputs. Raises `UsageError`
    with its log if it does not come to that. Whoever interrupts this, also with kill -9, ends the supervisor."""
    log = folder / "up.log"
    search_path = str(Path(headgate.__file__).parent.parent)
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "headgate.local.supervisor"], stdin=subprocess.PIPE, stdout=output, stderr=output,
            start_new_session=True, env={**os.environ, "PYTHONPATH": search_path},
        )  # fmt: skip
    assert process.stdin is not None
    known = None
    try:
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
        known = _awaited(process, folder, log, stages)
        if known is not None:
            process.stdin.write(presence.STAY.encode())
    finally:
        with contextlib.suppress(BrokenPipeError):  # it has ended
            process.stdin.close()
        if known is None:
            stages("stopping")
            process.wait(STOP_SECONDS)
    if known is None:
        raise UsageError(
            f"the application did not start:\n{_text(log).strip()}\nIts data is kept; `headgate up` tries again"
        )
    return known


def _awaited(process: "subprocess.Popen[bytes]", folder: Path, log: Path, stages: Stages) -> dict[str, Any] | None:
    """The endpoints and outputs; None where the process has ended, or takes too long."""
    shown, deadline = 0, time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        known = presence.look(folder).known
        if known is not None and known["process"] == process.pid:
            return known
        lines = _text(log).splitlines()
        for line in lines[shown:]:
            stages(line)
        shown = len(lines)
        time.sleep(POLL_SECONDS)
    return None


def _text(log: Path) -> str:
    try:
        return log.read_text(errors="replace")
    except FileNotFoundError:
        return f"{log.parent} was deleted"


def stop(folder: Path) -> bool:
    """Stops the application, and returns whether it was running. Its data stays. Raises `UsageError`."""
    process = presence.look(folder).process
    if process is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while presence.look(folder).process == process:
        if time.monotonic() > deadline:
            raise UsageError(f"process {process} did not stop within {STOP_SECONDS:.0f} s; see {folder / 'up.log'}")
        time.sleep(POLL_SECONDS)
    return True
