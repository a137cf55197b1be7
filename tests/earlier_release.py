"""The release before, with its application and its programs: `make release-before` keeps them with each release."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

ARCHIVE = Path(__file__).parent / "release_before" / "application.tar.xz"


def unpacked(folder: Path) -> Path:
    """The folder, with the files of that release in it."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def headgate_of(release: Path, *arguments: str, folder: Path) -> str:
    """What the `headgate` of that release prints. It runs in this environment, with this one's dependencies."""
    variables = {**os.environ, "PYTHONPATH": str(release / "src"), "TZ": "UTC"}
    done = subprocess.run(
        [sys.executable, "-m", "headgate.cli.main", *arguments], cwd=folder, env=variables, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
