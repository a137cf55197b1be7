"""The products folder that a command works on."""

from datetime import UTC, date, datetime
from pathlib import Path

from headgate.cli.errors import UsageError
from headgate.cli.progress import Progress
from headgate.generator.cache import Cache
from headgate.generator.project import Project
from headgate.generator.steps import own_folder


def today() -> date:
    """The date in UTC."""
    return datetime.now(UTC).date()


def project_above(folder: Path) -> Path | None:
    """The project that the folder is inside of; None if it is one itself, or is in none."""
    if _is_project(folder):
        return None
    return next((each for each in folder.parents if _is_project(each)), None)


def require_project(folder: Path) -> None:
    """Raises `UsageError` unless the folder is that of a project."""
    if _is_project(folder):
        return
    above = project_above(folder)
    where = (
        f"; it is inside the project {above}: `cd {above}`"
        if above
        else "; run the command in the folder of the project"
    )
    raise UsageError(f"{folder} has no template.yaml and functions/{where}")


def _is_project(folder: Path) -> bool:
    return (folder / "template.yaml").is_file() and (folder / "functions").is_dir()


def open_project(root: Path, progress: Progress) -> Project:
    """The project of the folder; what is read and checked later reports to `progress`. Raises `UsageError`."""
    if not root.is_dir():
        raise UsageError(
            f"{root}: no such folder; run the command in the folder of the project, or name the metadata with --products DIR"
        )
    folder = root.absolute().parent / ".headgate" / f"cache-{root.name}"
    return Project(root, Cache(folder, own_folder(root)), today(), progress)
