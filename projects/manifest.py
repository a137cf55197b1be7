"""`.headgate-files.json`: which files of a project belong to Headgate, with the digests by which an edited one is found."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headgate.projects.brought import LINKS, present

NAME = ".headgate-files.json"
ABOUT = "Written by `headgate init` and `headgate upgrade`. The files below belong to Headgate and are not edited; `headgate upgrade` says how to keep a change."


class ManifestError(RuntimeError):
    """The manifest cannot be used; the message is for the user."""


@dataclass(frozen=True, order=True)
class Edit:
    """A file of Headgate that is not as Headgate brought it; `how` is a word for it."""

    path: str
    how: str


@dataclass(frozen=True)
class Manifest:
    """`version` is that of Headgate, `metadata` that of the project's own files (`migrations`). `files` are the digests of what Headgate brought;
    `kept` are those in whose place the project has its own file, on purpose."""

    version: str
    metadata: int
    files: dict[str, str]
    kept: frozenset[str] = field(default=frozenset())

    def edits(self, project: Path) -> list[Edit]:
        """The files that are not as Headgate brought them, but for those that are kept on purpose; by path."""
        return sorted(self._edits(project))

    def _edits(self, project: Path) -> Iterator[Edit]:
        for path, wanted in self.files.items():
            if path not in self.kept:
                found = digest_of(project / path)
                if found != wanted:
                    yield Edit(path, "edited" if found else "deleted")
        for path in present(project):
            if path not in self.files and path not in self.kept:
                yield Edit(path, "added")
        for path, target in LINKS.items():
            link = project / path
            if not link.is_symlink() or os.readlink(link) != target:  # noqa: PTH115 - the text of the link
                yield Edit(path, f"no link to {target}" if os.path.lexists(link) else "deleted")

    def write(self, project: Path) -> None:
        """Writes it whole or not at all."""
        values: dict[str, Any] = {
            "about": ABOUT, "headgate": self.version, "metadata": self.metadata,
            "kept": sorted(self.kept), "files": dict(sorted(self.files.items())),
        }  # fmt: skip
        scratch = project / f"{NAME}.new"
        scratch.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
        scratch.replace(project / NAME)


def read(project: Path) -> Manifest | None:
    """The manifest of the project; None where it has none, as a clone of Headgate. Raises `ManifestError`."""
    path = project / NAME
    try:
        found = json.loads(path.read_text("utf-8"))
        return Manifest(
            str(found["headgate"]), int(found["metadata"]), dict(found["files"]), frozenset(found["kept"])
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f"{path} cannot be read ({type(error).__name__}: {error}); get it back from version control: `git checkout -- {NAME}`"
        ) from None


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest_of(path: Path) -> str:
    """The digest of the file; empty if there is none."""
    try:
        return digest(path.read_bytes())
    except OSError:
        return ""
