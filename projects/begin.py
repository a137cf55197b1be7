"""Writes the files of a new project."""

import shutil
from pathlib import Path

from headgate.projects import brought, migrations, own_files
from headgate.projects.manifest import Manifest, digest
from headgate.projects.own_files import Names


def begin(folder: Path, names: Names) -> list[str]:
    """Writes what Headgate brings and what belongs to the project, and the manifest last; the paths of both, without what is generated from them."""
    mine, own = brought.files(), own_files.files(names)
    for path, content in (*own.items(), *mine.items()):
        write(folder / path, content)
    link(folder)
    Manifest(names.version, migrations.CURRENT, {path: digest(content) for path, content in mine.items()}).write(folder)
    return sorted((*own, *mine))


def write(path: Path, content: bytes) -> None:
    """The file as a whole or as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(
        f".{path.name}.headgate-new"
    )  # hidden: one that a crash left is none of the project's files
    scratch.write_bytes(content)
    scratch.replace(path)


def link(folder: Path) -> None:
    """The links of `brought.LINKS`."""
    for path, target in brought.LINKS.items():
        place = folder / path
        if place.is_dir() and not place.is_symlink():  # of a system without links
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        place.symlink_to(target)
