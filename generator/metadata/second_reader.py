"""Reads half of many product files in a second process, which answers with documents for the cache.

A document's key in the cache is made of the digests of the bytes and of the defaults that it was made from, so it does not
matter which process made it, or whether the file has changed since.
"""

import contextlib
import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from headgate.generator import second_process
from headgate.generator.cache import Cache, digest
from headgate.generator.metadata import own_types, schema
from headgate.generator.metadata.merge import merge
from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.yaml_reader import read

Document = dict[str, Any]
# From here on, reading half of the files takes longer than the start of a process.
MANY = 2_000
# A little less than half, for that start.
SHARE = 0.45


def document_key(data: str, defaults: str) -> str:
    """Of digests of the file's bytes and of the defaults."""
    return f"{data} {defaults}"


def defaults_digest(defaults: Document) -> str:
    return digest(orjson.dumps(defaults))


class SecondReader:
    """The last of `paths`, if they are many, read in a second process; `first` is the first of them. `own` is the folder of the project's step types."""

    def __init__(self, paths: Sequence[Path], defaults: Mapping[str, Document], own: Path) -> None:
        count = int(len(paths) * SHARE) if len(paths) >= MANY else 0
        self.first = paths[-count] if count else None
        self._process: subprocess.Popen[bytes] | None = None
        if count:
            groups: dict[str, list[str]] = {}
            for path in paths[-count:]:
                groups.setdefault(path.parent.name, []).append(str(path))
            request = [[defaults[domain], each] for domain, each in groups.items() if domain in defaults]
            with tempfile.TemporaryFile() as file:
                file.write(orjson.dumps([str(own), request]))
                file.seek(0)
                self._process = subprocess.Popen(
                    second_process.command(answer), stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )

    def receive(self, cache: Cache) -> None:
        """Waits for the documents and puts them into the cache."""
        assert self._process is not None
        output, _ = self._process.communicate()
        with contextlib.suppress(orjson.JSONDecodeError):
            for key, document in orjson.loads(output).items():
                cache.put("document", key, document)


def answer() -> None:
    """The second process: documents without errors, by key."""
    gc.disable()
    found: dict[str, Document] = {}
    own, request = orjson.loads(sys.stdin.buffer.read())
    own_types.use(Path(own))
    for defaults, paths in request:
        inherited = defaults_digest(defaults)
        for path in paths:
            with contextlib.suppress(OSError, ReadError):
                data = Path(path).read_bytes()
                document = merge(defaults, read(data))
                if schema.is_valid(document, "product.schema.json"):
                    found[document_key(digest(data), inherited)] = document
    sys.stdout.buffer.write(orjson.dumps(found))
    sys.stdout.flush()
    os._exit(0)  # without taking the documents apart
