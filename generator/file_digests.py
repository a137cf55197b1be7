"""Digests of files; a file is not read again while its status shows that it has not changed.

A status can hide a change: a file written twice within one tick of the file system's clock has the same times and may have
the same size. So the status of a file counts only if the file had been left alone for longer than a tick when the status
was taken, before the content was read (the rule by which git handles "racily clean" entries,
https://git-scm.com/docs/racy-git). The time of the last change of the inode (ctime), which no program can set, is part of it.
"""

import os
import time

from headgate.generator.cache import Cache, digest

Status = list[int]

# Times come from the kernel's tick, at most 10 ms; some file systems have whole seconds, FAT has steps of two.
TICK, COARSE_TICK = 50_000_000, 2_100_000_000


def status_of(found: os.stat_result) -> Status:
    """What differs when the file may have changed."""
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev]


def is_settled(status: Status, now: int) -> bool:
    """Whether every change after `now` (nanoseconds since the epoch) shows in the status."""
    coarse = status[0] % 1_000_000_000 == 0 or status[1] % 1_000_000_000 == 0
    return max(status[0], status[1]) + (COARSE_TICK if coarse else TICK) < now


class FileDigests:
    """Of files that each have a name; the names of one `kind` are kept apart from those of others."""

    def __init__(self, cache: Cache, kind: str) -> None:
        self._cache, self._kind = cache, kind

    def of(self, name: str, path: str) -> tuple[str, bytes | None]:
        """The digest of the content, and the content if the file was read. Raises OSError."""
        now = time.time_ns()
        status = status_of(os.stat(path))  # noqa: PTH116 - a third faster than Path, and there are thousands
        known = self._cache.get(self._kind, name)
        if known is not None and known[0] == status:
            return known[1], None
        with open(path, "rb") as file:
            data = file.read()
        found = digest(data)
        self.record(name, status, found, now)
        return found, data

    def record(self, name: str, status: Status, found: str, now: int) -> None:
        """Keeps the digest of a file whose status was taken after `now` and before anything else could change it."""
        if is_settled(status, now):
            self._cache.put(self._kind, name, [status, found])
