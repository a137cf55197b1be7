"""The project that a command works on: its products folder, and its files that belong to Headgate."""

from datetime import UTC, date, datetime
from pathlib import Path

from headgate import VERSION
from headgate.cli import terminal
from headgate.cli.errors import UsageError
from headgate.cli.progress import Progress
from headgate.generator.cache import Cache
from headgate.generator.project import Project
from headgate.generator.steps import own_folder
from headgate.projects import manifest
from headgate.projects.manifest import Edit, Manifest, ManifestError


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


def manifest_of(folder: Path) -> Manifest | None:
    """Which files of the project belong to Headgate; None for a clone of Headgate. Raises `UsageError`."""
    try:
        return manifest.read(folder)
    except ManifestError as error:
        raise UsageError(str(error)) from None


def edits_of(folder: Path) -> list[Edit]:
    """The files of Headgate in the project that are not as Headgate brought them. Raises `UsageError`."""
    found = manifest_of(folder)
    return found.edits(folder) if found else []


def print_edits(edits: list[Edit]) -> None:
    terminal.line("These files belong to Headgate, and are not as it brought them:")
    terminal.table([[f"  {each.path}", each.how] for each in edits])
    terminal.line("`headgate upgrade` says how to keep a change, and how to undo it.")


def require_as_brought(folder: Path) -> None:
    """Raises `UsageError` if files of Headgate were edited in the project."""
    if found := edits_of(folder):
        named = ", ".join(f"{each.path} ({each.how})" for each in found)
        raise UsageError(
            f"these files belong to Headgate, and are not as it brought them: {named}. `headgate upgrade` says how to keep a change, and how to undo it"
        )


def open_project(root: Path, progress: Progress) -> Project:
    """The project of the folder; what is read and checked later reports to `progress`. Raises `UsageError`."""
    _require_version(root.absolute().parent)
    return opened_project(root, progress)


def _require_version(folder: Path) -> None:
    """Raises `UsageError` if the project's functions are of another version than the generator that is installed."""
    found = manifest_of(folder)
    if found and found.version != VERSION:
        raise UsageError(
            f"the project {folder} has the functions of Headgate {found.version}, and Headgate {VERSION} is installed: `headgate upgrade` shows what changes "
            f"and brings the project to {VERSION}; or install the other one: `pip install 'headgate[local]=={found.version}'`"
        )


def opened_project(root: Path, progress: Progress) -> Project:
    """As `open_project`, whatever version the project is of."""
    if not root.is_dir():
        raise UsageError(
            f"{root}: no such folder; run the command in the folder of the project, or name the metadata with --products DIR"
        )
    folder = root.absolute().parent / ".headgate" / f"cache-{root.name}"
    return Project(root, Cache(folder, own_folder(root)), today(), progress)
