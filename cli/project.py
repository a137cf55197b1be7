"""The products folder that a command works on."""

from datetime import UTC, date, datetime
from pathlib import Path

from headgate.cli.errors import UsageError
from headgate.cli.progress import Progress
from headgate.generator.cache import Cache
from headgate.generator.project import Project


def today() -> date:
    """The date in UTC."""
    return datetime.now(UTC).date()


def open_project(root: Path, progress: Progress) -> Project:
    """The project of the folder; what is read and checked later reports to `progress`. Raises `UsageError`."""
    if not root.is_dir():
        raise UsageError(
            f"{root}: no such folder; run the command in the folder of the project, or name the metadata with --products DIR"
        )
    return Project(root, Cache(root.absolute().parent / ".headgate" / f"cache-{root.name}"), today(), progress)
