"""`headgate init`: a new project, which runs, passes its test and can be deployed as it stands."""

import argparse
import shutil
import subprocess
from pathlib import Path

from headgate import VERSION
from headgate.cli import generated, terminal
from headgate.cli.errors import FINE, UsageError
from headgate.cli.formatting import few
from headgate.generator.metadata.files import MAX_NAME, RESERVED
from headgate.generator.metadata.files import NAME as PART
from headgate.projects import begin
from headgate.projects.own_files import MOST, NAME, Names


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the folder of the project; new, or empty")
    parser.add_argument(
        "--name", help="its name, part of names of stacks and machines (default: the name of the folder)"
    )
    parser.add_argument("--domain", default="sales", help="the first domain of data products (default: sales)")
    parser.add_argument("--owner", help="the team that owns the domain (default: DOMAIN-team)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.folder
    _require_empty(folder)
    names = _names(arguments)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = begin.begin(folder, names)
        generated.write_editor_schemas(folder)
        generated.generated(folder, True, arguments.json)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from None
    repository = _repository(folder)
    if arguments.json:
        terminal.print_json({"folder": str(folder), "project": names.project, "headgate": VERSION, "files": files})
        return FINE
    terminal.line(
        f"{folder}: a project with the domain {names.domain}, of Headgate {VERSION}" + (", as a git repository" if repository else "")
    )  # fmt: skip
    terminal.line()
    for line in (
        f"  cd {folder}",
        "  headgate run tests/day.yaml    # deploys it to this machine and plays a day",
        "  headgate up                    # leaves it running, with a board in the browser",
        "  headgate doctor                # says what is missing on this machine",
    ):
        terminal.line(line)
    terminal.line()
    terminal.line("README.md says which files are yours.")
    return FINE


def _names(arguments: argparse.Namespace) -> Names:
    project = arguments.name or arguments.folder.absolute().name
    given = "--name" if arguments.name else "the name of the folder"
    if not NAME.fullmatch(project) or len(project) > MOST:
        raise UsageError(
            f"{project}: expected as {given} lower-case letters, digits and single dashes, first a letter, at most {MOST} characters"
            + ("" if arguments.name else "; or give another name with --name")
        )
    domain = arguments.domain
    if not PART.fullmatch(domain) or len(domain) > MAX_NAME or domain in (*RESERVED, "calendars"):
        raise UsageError(
            f"--domain {domain}: expected lower-case letters, digits and single dashes, at most {MAX_NAME} characters; "
            f"{', '.join((*RESERVED, 'calendars'))} are names that Headgate uses itself"
        )
    owner = arguments.owner or f"{domain}-team"
    if not owner.isprintable() or any(each in owner for each in ":#\"'{}[]"):
        raise UsageError(f"--owner {owner}: expected a name without quotes, brackets, colons and number signs")
    return Names(project, domain, owner, VERSION)


def _require_empty(folder: Path) -> None:
    """Raises `UsageError` with what is there."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder; name a new one")
    found = sorted(each.name for each in folder.iterdir()) if folder.exists() else []
    if found and found != [".git"]:
        raise UsageError(f"{folder} is not empty, it has {few(found)}; name a new folder. Nothing was written")


def _repository(folder: Path) -> bool:
    """Makes the folder a git repository, unless it is in one or there is no git; whether it was made."""
    git = shutil.which("git")
    if git is None:
        return False
    inside = subprocess.run([git, "-C", str(folder), "rev-parse", "--git-dir"], capture_output=True, check=False)
    if inside.returncode == 0:
        return False
    made = subprocess.run([git, "-C", str(folder), "init", "--quiet"], capture_output=True, check=False)
    return made.returncode == 0
