"""Golden files: what a case is made of, and what Headgate says or writes for it.

A case is one text file: `--- path` begins a metadata file, `===` what is expected. `make golden` writes what is
expected; read the difference before you commit it.
"""

import os
from pathlib import Path

FOLDER = Path(__file__).parent
WRITING = os.environ.get("HEADGATE_GOLDEN") == "write"


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


def expect(path: Path, actual: bytes) -> None:
    """`actual` is what the golden file holds; writes it instead when asked to."""
    if WRITING:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(actual)
    assert path.exists(), f"{path} is missing: run `make golden` and read what it writes"
    assert actual.decode() == path.read_text("utf-8")
