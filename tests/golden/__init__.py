"""Golden files: what a case is made of, and what Headgate prints or writes for it.

A case is one text file: `--- path` begins a metadata file, `===` what is expected. `make golden` writes what is
expected; read the difference before you commit it. Of byte-identical files one is kept, the others are links to it.
"""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
WRITING = os.environ.get("HEADGATE_GOLDEN") == "write"
MAX_LINES = 80  # of a difference that are shown


def lay_out(text: str, root: Path) -> None:
    """Writes the metadata files of a case under `root`. After a path, `latin-1` is an encoding and `repeated` makes the
    file larger than any metadata should be."""
    root.mkdir(parents=True, exist_ok=True)
    for section in text.split("===\n")[0].split("--- ")[1:]:
        header, _, body = section.partition("\n")
        path, _, option = header.partition(" ")
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if option == "repeated":
            body *= 1 + 300_000 // len(body)
        (root / path).write_bytes(body.encode("latin-1" if option == "latin-1" else "utf-8"))


def expect(path: Path, actual: bytes, writing: bool = WRITING) -> None:
    """Fails with the difference unless the golden file holds `actual`. With `writing` it writes the file instead."""
    expected = path.read_bytes() if path.exists() else None
    if expected == actual:
        return
    if not writing:
        pytest.fail(_message(path, expected, actual), pytrace=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # of a link, the link and not the file of another case
    path.write_bytes(actual)


def link_identical(folders: Iterable[Path]) -> None:
    """Replaces each file that is byte-identical to one of an earlier folder, or to one before it in its own, by a link."""
    kept: dict[bytes, Path] = {}
    for path in files(folders):
        first = kept.setdefault(path.read_bytes(), path)
        if first != path:
            path.unlink()
            path.symlink_to(os.path.relpath(first, path.parent))


def files(folders: Iterable[Path]) -> list[Path]:
    """The files of the folders in their order, without the links."""
    return [
        path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()
    ]


def _message(path: Path, expected: bytes | None, actual: bytes) -> str:
    name = os.path.relpath(path)
    update = "If the new content is right, run `make golden` and commit the difference."
    if expected is None:
        return f"{name} does not exist. {update}"
    linked = f", a link to {os.path.relpath(path.resolve())}," if path.is_symlink() else ""
    before, after = (each.decode("utf-8", "replace").splitlines() for each in (expected, actual))
    lines = list(difflib.unified_diff(before, after, f"{name} (expected)", f"{name} (found)", lineterm=""))
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"... {len(lines) - MAX_LINES} more lines of the difference are not shown"]
    if not lines:  # line ends differ, which splitlines does not keep
        lines = [f"expected {expected!r:.200}", f"found    {actual!r:.200}"]
    return "\n".join([f"{name}{linked} is not as expected. {update}", *lines])
