"""What Headgate brings into a project: the template, the functions and the events, as the installed package carries them.

The rest of a project (products/, steps/, tests/, samconfig.toml, ...) belongs to whoever made it, and statemachines/ is generated from it.
"""

from collections.abc import Iterator
from pathlib import Path

APPLICATION = Path(__file__).parent.parent / "application"
MIGRATIONS = "functions/state/migrations/"  # of the state
# What a build follows: the functions hold the contracts of events, and the project's own step types.
LINKS = {"functions/own_steps": "../steps", "functions/schemas": "../events/schemas"}
FOLDERS = ("functions", "events", "board")
TEMPLATE = "template.yaml"


def files() -> dict[str, bytes]:
    """The content of each file, by its path in a project."""
    return {path: (APPLICATION / path).read_bytes() for path in sorted(_paths())}


def present(project: Path) -> Iterator[str]:
    """The files in the folders of a project that belong to Headgate, whoever wrote them; hidden ones and compiled ones are left out."""
    for folder in FOLDERS:
        if (project / folder).is_dir():
            yield from _below(project / folder, folder)


def _paths() -> Iterator[str]:
    yield TEMPLATE
    for folder in FOLDERS:
        yield from _below(APPLICATION / folder, folder)


def _below(folder: Path, path: str) -> Iterator[str]:
    for each in folder.iterdir():
        inner = f"{path}/{each.name}"
        if inner in LINKS or each.name == "__pycache__" or each.name.startswith("."):
            continue
        if each.is_dir():
            yield from _below(each, inner)
        else:
            yield inner
