"""Results of earlier runs, by the digest of what they were computed from. Losing them costs time, nothing else.

One file a kind under the cache's folder, read when the kind is first needed. A file counts only if its checksum holds,
which covers the generator's own code, so a damaged file, another version and a changed generator all mean an empty cache.
"""

import contextlib
import functools
import os
import sys
import zoneinfo
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

# Verdicts on shapes: few, and needed only when something of that shape is new.
KEPT = frozenset({"machine lint", "resource lint", "application lint", "mesh lint"})


def digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


@functools.cache
def generator_digest() -> str:
    """Of all that results depend on besides metadata: the generator's files, the classes of products in Python, Python itself, installed packages,
    time zones."""
    parts = [sys.version.encode()]
    for file in (*_sources(str(Path(__file__).parent)), str(Path(__file__).parent.parent / "products.py")):
        with open(file, "rb") as opened:
            parts += (file.encode(), opened.read())
    for folder in dict.fromkeys((*sys.path, *zoneinfo.TZPATH)):
        with contextlib.suppress(OSError):
            if folder in zoneinfo.TZPATH:
                parts.append(str(Path(folder).stat().st_mtime_ns).encode())
            else:  # versions are part of the folders' names
                parts += (name.encode() for name in sorted(os.listdir(folder)) if name.endswith(".dist-info"))
    return digest(b"\0".join(parts))


def _sources(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.is_dir():
                yield from _sources(entry.path)
            elif entry.name.endswith((".py", ".j2", ".json", ".yaml")):
                yield entry.path


class Cache:
    """Values by kind and key. Of a kind that a run uses, only what it uses is kept for the next one, save for `KEPT`.

    Values are what JSON can hold, and never None. Without a folder nothing is kept. `types` are the project's own step types, on which results
    depend as well.
    """

    def __init__(self, folder: Path | None, types: Path | None = None) -> None:
        self._folder, self._types = folder, types
        self._known: dict[str, dict[str, Any]] = {}
        self._used: dict[str, dict[str, Any]] = {}
        self._changed: set[str] = set()

    def get(self, kind: str, key: str) -> Any:
        """The value, or None."""
        if kind not in self._known:
            self._load(kind)
        value = self._known[kind].get(key)
        if value is not None:
            self._used[kind][key] = value
        return value

    def is_empty(self, kind: str) -> bool:
        if kind not in self._known:
            self._load(kind)
        return not self._known[kind]

    def put(self, kind: str, key: str, value: Any) -> None:
        if kind not in self._known:
            self._load(kind)
        self._known[kind][key] = self._used[kind][key] = value
        self._changed.add(kind)

    def save(self) -> None:
        """Writes what this run used; what cannot be written is left as it was."""
        for kind, used in self._used.items():
            values = self._known[kind] if kind in KEPT else used
            if self._folder is None or not (kind in self._changed or len(values) != len(self._known[kind])):
                continue
            body = orjson.dumps(values)
            with contextlib.suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
                scratch = self._folder / f"{kind}.{os.getpid()}"
                scratch.write_bytes(self._checksum(body) + body)
                scratch.replace(self._folder / f"{kind}.json")
        self._changed.clear()

    def _load(self, kind: str) -> None:
        self._known[kind], self._used[kind] = {}, {}
        if self._folder is None:
            return
        with contextlib.suppress(OSError, ValueError):
            stored = (self._folder / f"{kind}.json").read_bytes()
            body = stored[len(self._checksum(b"")) :]
            if stored.startswith(self._checksum(body)):
                self._known[kind] = orjson.loads(body)

    def _checksum(self, body: bytes) -> bytes:
        return digest((generator_digest() + self._digest_of_types).encode() + body).encode() + b"\n"

    @functools.cached_property
    def _digest_of_types(self) -> str:
        if self._types is None or not self._types.is_dir():
            return ""
        return digest(b"\0".join(each.encode() + Path(each).read_bytes() for each in _sources(str(self._types))))
