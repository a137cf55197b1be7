"""What the folder of an application on this machine tells about it, to commands and to the process that runs it.

That process holds a lock on `<folder>/lock` as long as it lives. The kernel ends the lock with the process, so that none is left
after kill -9 or a restart of the machine, and another process that got the same id is not taken for it. `runtime.json` has the
addresses and outputs while the application can be used, `ended` the reason why it ended by itself.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

LOCK, KNOWN, ENDED = "lock", "runtime.json", "ended"
STAY = "stay\n"  # what `headgate up` writes to the process when it leaves it running
PROBE_SECONDS = 2.0  # longer than commands hold the lock that they look at
KILLED = "it was killed, or the machine was restarted"


@dataclass(frozen=True)
class Presence:
    """`process` is the id of the process that runs the application, None if none does. `known` are its addresses and outputs, None while
    it cannot be used. `reason` says why an application that nobody stopped does not run any more, else it is empty."""

    process: int | None = None
    known: dict[str, Any] | None = None
    reason: str = ""


class AlreadyRunningError(RuntimeError):
    """Another process runs the application of this folder."""


def look(folder: Path) -> Presence:
    process, known = _holder(folder), None
    with contextlib.suppress(OSError, ValueError):
        known = json.loads((folder / KNOWN).read_text("utf-8"))
    if process is not None:
        return Presence(process, known)
    with contextlib.suppress(OSError):
        return Presence(reason=(folder / ENDED).read_text("utf-8"))
    return Presence(reason=KILLED if known else "")


def _holder(folder: Path) -> int | None:
    """A shared lock is refused while the application runs, and any number of commands may have one."""
    with contextlib.suppress(FileNotFoundError), open(folder / LOCK) as lock:
        until = time.monotonic() + PROBE_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
            except BlockingIOError:
                lock.seek(0)
                written = lock.read()
                if written or time.monotonic() > until:  # it is empty for a moment
                    return int(written or 0)
    return None


class Held:
    """The folder, in the hands of the process that runs the application."""

    def __init__(self, folder: Path, lock: IO[str]) -> None:
        self._folder, self._lock = folder, lock

    @property
    def is_lost(self) -> bool:
        """Whether the folder was deleted, or replaced."""
        try:
            return not os.path.samestat(os.fstat(self._lock.fileno()), (self._folder / LOCK).stat())
        except OSError:
            return True

    @property
    def is_usable(self) -> bool:
        return not self.is_lost and (self._folder / KNOWN).exists()

    def publish(self, known: dict[str, Any]) -> None:
        """From now on the application can be used."""
        scratch = self._folder / f"{KNOWN}.new"
        scratch.touch(0o600)
        scratch.write_text(json.dumps({"process": os.getpid(), **known}, indent=2))
        scratch.replace(self._folder / KNOWN)

    def withdraw(self) -> None:
        """The application cannot be used now."""
        if not self.is_lost:
            (self._folder / KNOWN).unlink(missing_ok=True)

    def end(self, reason: str) -> None:
        """The application ends by itself."""
        if not self.is_lost:
            with contextlib.suppress(OSError):  # the disk may be full
                (self._folder / ENDED).write_text(reason, "utf-8")


@contextlib.contextmanager
def held(folder: Path) -> Iterator[Held]:
    """Takes the folder. Raises `AlreadyRunningError`."""
    with open(folder / LOCK, "a+") as lock:
        until = time.monotonic() + PROBE_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise AlreadyRunningError("another process runs the application of this folder") from None
                time.sleep(0.02)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        mine = Held(folder, lock)
        mine.withdraw()
        (folder / ENDED).unlink(missing_ok=True)
        try:
            yield mine
        finally:
            mine.withdraw()
