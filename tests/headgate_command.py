"""The command `headgate` as people type it: real processes in a folder of a project."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.local_application import ROOT, project_folder

HEADGATE = [str(Path(sys.executable).parent / "headgate")]


def headgate(
    *arguments: str, folder: Path | None = None, timeout: int = 300, **options: Any
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*HEADGATE, *arguments],
        cwd=folder or project_folder(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )


def output_of(folder: Path, *arguments: str) -> str:
    done = headgate(*arguments, folder=folder, env={**os.environ, "TZ": "UTC"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def lay_out(folder: Path) -> Path:
    """A project in the folder: the one of this repository, with a runtime of its own."""
    for name in ("template.yaml", "samconfig.toml", "functions", "board", "products", "events"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def mentioning(folder: str) -> list[str]:
    """Processes whose command or environment names the folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if folder.encode() in (process / "cmdline").read_bytes() + (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found
