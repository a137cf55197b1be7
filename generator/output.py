"""Writes the output folder as a whole or not at all.

New files are first written beside the old ones, under `.staging`. Then a journal names every change, and files are
swapped in while the old ones are kept. The next run that finds a journal puts the old files back, so a crash at any moment
leaves the old output, or, once the journal is gone, the new one.
"""

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from headgate.generator.cache import Cache, digest
from headgate.generator.file_digests import FileDigests, Status, status_of
from headgate.generator.findings import Finding

STAGING, JOURNAL = ".staging", "journal.json"
CATALOG, LAYOUT, APPLICATION, MESH = "catalog/catalog.json", "layout.json", "template.json", "mesh/template.json"
CODE = "catalog/code"  # the files that ship with products
OF_DOMAINS = re.compile(r".*\.asl\.json|template.*\.json")
FURTHER = re.compile(r"template-\d+\.json")  # of the stacks beside the first


class OutputError(Exception):
    """The output folder cannot be used; the message is for the user."""


@dataclass
class Changes:
    """Paths relative to the output folder, sorted."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0

    def __bool__(self) -> bool:
        return bool(self.created or self.changed or self.removed)


@dataclass
class Generated:
    """`findings` are the linters'; with any, nothing was written and `changes` is None. `deployment` has `accounts` and `sentences`."""

    findings: list[Finding]
    changes: Changes | None
    machines: int
    deployment: dict[str, Any] = field(default_factory=dict)


class Output:
    """The output folder and the files it should hold. Use it inside `opened`."""

    def __init__(self, folder: Path, write: bool, cache: Cache) -> None:
        self.folder = folder
        self.files: dict[str, str] = {}  # digests of the files it should hold, by path
        self._write = write
        self._staging = folder / STAGING
        self._digests = FileDigests(cache, "output files")
        self._staged: dict[str, Status] = {}
        self._changes = Changes()
        self._made: set[str] = set()
        self._old = _generated(folder)

    def read(self, path: str) -> bytes | None:
        """The file as it is on disk; None if it is not there."""
        try:
            return (self.folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def keep(self, path: str, wanted: str) -> bool:
        """Whether the file on disk already has the digest `wanted`; if so it stays."""
        if self._digest(path) != wanted:
            return False
        self.files[path] = wanted
        self._changes.unchanged += 1
        return True

    def keep_all(self, wanted: Mapping[str, str]) -> bool:
        """Whether the folder holds exactly the files `wanted`, given with their digests; if so they stay."""
        if self._old != wanted.keys() or any(self._digest(path) != each for path, each in wanted.items()):
            return False
        self.files.update(wanted)
        self._changes.unchanged = len(wanted)
        return True

    def put(self, path: str, data: bytes) -> str:
        """Sets the content of a file and returns its digest."""
        wanted, old = digest(data), self._digest(path)
        self.files[path] = wanted
        if old == wanted:
            self._changes.unchanged += 1
            return wanted
        (self._changes.created if old is None else self._changes.changed).append(path)
        if self._write:
            parent = path.rpartition("/")[0]
            if parent not in self._made:
                (self._staging / "new" / parent).mkdir(parents=True, exist_ok=True)
                self._made.add(parent)
            self._staged[path] = _write(f"{self._staging}/new/{path}", data)
        return wanted

    def _digest(self, path: str) -> str | None:
        """Of the file on disk; None if it is missing."""
        if path not in self._old:
            return None
        try:
            return self._digests.of(path, f"{self.folder}/{path}")[0]
        except FileNotFoundError:
            return None

    def finish(self) -> Changes:
        """The difference to the files on disk; written, unless the folder was opened for reading only."""
        changes = self._changes
        changes.removed = sorted(self._old - self.files.keys())
        changes.created.sort()
        changes.changed.sort()
        if self._write and changes:
            self._commit(changes)
            self._remember()
        return changes

    def _remember(self) -> None:
        """Records the digests of the files that were written and have not been changed since."""
        for path, (written, _, *rest) in self._staged.items():
            now = time.time_ns()
            with contextlib.suppress(OSError):
                status = status_of(os.stat(f"{self.folder}/{path}"))  # noqa: PTH116 - a third faster
                if [status[0], *status[2:]] == [written, *rest]:  # the move into place changes the ctime
                    self._digests.record(path, status, self.files[path], now)

    def _commit(self, changes: Changes) -> None:
        kept = self._staging / "old"
        for path in (*changes.changed, *changes.removed):
            (kept / path).parent.mkdir(parents=True, exist_ok=True)
            _link(self.folder / path, kept / path)
        for created in {path.rpartition("/")[0] for path in changes.created}:
            (self.folder / created).mkdir(parents=True, exist_ok=True)
        journal = self._staging / JOURNAL
        _write_durably(
            journal, orjson.dumps({"created": changes.created, "restore": changes.changed + changes.removed})
        )
        try:
            for path in (*changes.created, *changes.changed):
                os.replace(f"{self._staging}/new/{path}", f"{self.folder}/{path}")  # noqa: PTH105 - a third faster
            for path in changes.removed:
                (self.folder / path).unlink()
            journal.unlink()
        except BaseException:
            recover(self.folder)
            raise
        shutil.rmtree(self._staging, ignore_errors=True)
        parents = {parent for path in changes.removed for parent in Path(path).parents} - {Path()}
        for parent in sorted(parents, key=lambda each: -len(each.parts)):
            with contextlib.suppress(OSError):  # not empty
                (self.folder / parent).rmdir()


@contextlib.contextmanager
def opened(folder: Path, write: bool, cache: Cache | None = None) -> Iterator[Output]:
    """The output folder, locked and recovered from an earlier crash. Raises `OutputError`."""
    cache = cache or Cache(None)
    if not folder.exists() and not write:
        yield Output(folder, False, cache)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(f"{folder}: another headgate is writing here; try again when it is done") from None
        recover(folder)
        _require_output_folder(folder)
        try:
            yield Output(folder, write, cache)
        except OSError as error:
            raise OutputError(f"{error.filename or folder}: {error.strerror}; the old output is as it was") from None
        finally:
            if not (folder / STAGING / JOURNAL).exists():
                shutil.rmtree(folder / STAGING, ignore_errors=True)
    finally:
        os.close(handle)


def recover(folder: Path) -> None:
    """Puts the old output back if a crash left a journal; clears what else was left."""
    staging = folder / STAGING
    try:
        journal = orjson.loads((staging / JOURNAL).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        shutil.rmtree(staging, ignore_errors=True)
        return
    for path in journal["restore"]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        scratch = staging / "restored"
        scratch.unlink(missing_ok=True)
        _link(staging / "old" / path, scratch)
        scratch.replace(folder / path)
    for path in journal["created"]:
        (folder / path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (folder / path).parent.rmdir()
    (staging / JOURNAL).unlink()
    shutil.rmtree(staging, ignore_errors=True)


def _generated(folder: Path) -> set[str]:
    """The files in the folder that Headgate wrote, by their names."""
    found = {name for name in (CATALOG, LAYOUT, APPLICATION, MESH) if (folder / name).is_file()}
    if folder.is_dir():
        with os.scandir(folder) as entries:
            domains = [each for each in entries if each.name[0] != "." and each.is_dir()]
        found |= {name for name in os.listdir(folder) if FURTHER.fullmatch(name)}
        found |= {f"{each.name}/{name}" for each in domains for name in os.listdir(each) if OF_DOMAINS.fullmatch(name)}
    return found | {each.relative_to(folder).as_posix() for each in (folder / CODE).rglob("*") if each.is_file()}


def _require_output_folder(folder: Path) -> None:
    if (folder / CATALOG).exists():
        return
    others = sorted(each.name for each in folder.iterdir() if each.name[0] != "." and each.suffix != ".md")
    if others:
        raise OutputError(
            f"{folder}: not an output folder of Headgate (it has no {CATALOG}, but {others[0]}); "
            "name an empty or new folder, since files that are not generated are removed"
        )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def _write(path: str, data: bytes) -> Status:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        return status_of(os.fstat(file.fileno()))


def _write_durably(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
