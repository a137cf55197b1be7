"""What earlier runs worked out, by the digest of what it was worked out from. Losing it costs time, nothing else.

Kept in one file under `.headgate/`, thrown away whole when the generator's own code or a library it relies on changes.
"""

import contextlib
import functools
import os
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

LIBRARIES = ("cfn-lint", "jinja2", "jsonschema-rs", "orjson", "pyyaml", "statelint")


@functools.cache
def generator_digest() -> str:
    """Of every file of the generator and the versions of what it relies on."""
    digest = blake2b(digest_size=16)
    folder = Path(__file__).parent
    for file in sorted(each for each in folder.rglob("*") if each.suffix in (".py", ".j2", ".json")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    for library in LIBRARIES:
        digest.update(f"{library} {version(library)}\0".encode())
    return digest.hexdigest()


# Verdicts on shapes: few, and asked for only when something of that shape is new.
KEPT = ("machine lint", "resource lint", "application lint")


class Cache:
    """Values by kind and digest. Only what a run asks for is kept for the next one, and the kinds in `KEPT`."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known: dict[str, dict[str, Any]] = {}
        self._used: dict[str, dict[str, Any]] = {}
        self._changed = False
        if file is not None:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                stored = orjson.loads(file.read_bytes())
                if stored["generator"] == generator_digest():
                    self._known = stored["values"]

    def get(self, kind: str, digest: str) -> Any:
        """The value, or None."""
        used = self._used.setdefault(kind, {})
        value = used.get(digest)
        if value is None:
            value = self._known.get(kind, {}).get(digest)
            if value is not None:
                used[digest] = value
        return value

    def put(self, kind: str, digest: str, value: Any) -> None:
        self._used.setdefault(kind, {})[digest] = value
        self._changed = True

    def save(self) -> None:
        """Writes what this run used; a cache that cannot be written is left as it was."""
        for kind in KEPT:
            if kind in self._known:
                self._used[kind] = self._known[kind] | self._used.get(kind, {})
        if self._file is None or not (self._changed or self._sizes(self._used) != self._sizes(self._known)):
            return
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            scratch = self._file.with_name(f"{self._file.name}.{os.getpid()}")
            scratch.write_bytes(orjson.dumps({"generator": generator_digest(), "values": self._used}))
            scratch.replace(self._file)

    @staticmethod
    def _sizes(values: dict[str, dict[str, Any]]) -> dict[str, int]:
        return {kind: len(each) for kind, each in values.items() if each}
