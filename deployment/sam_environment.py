"""An environment for aws-sam-cli, which cannot share one with Headgate: both pin boto3, at different versions.

It is made once, in the cache of the user, where no other `sam` is found.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

VERSION = "1.170.0"  # that of the Makefile: the tests run with it
READY = "ready"  # this file is written when everything is installed
MOST_LINES = 8  # of what pip printed


class InstallationError(RuntimeError):
    """aws-sam-cli was not installed; the message is for the user."""


def folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "headgate" / f"aws-sam-cli-{VERSION}"


def command() -> Path | None:
    """Its `sam`; None where the environment was not made."""
    return folder() / "bin" / "sam" if (folder() / READY).exists() else None


def install(report: Callable[[str], None]) -> None:
    """Makes the environment; processes that want it at the same time wait for the first. Raises `InstallationError`."""
    made = folder()
    made.parent.mkdir(parents=True, exist_ok=True)
    with open(made.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if command() is not None:
            return
        report(f"installing aws-sam-cli {VERSION} into {made}, once")
        shutil.rmtree(made, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(made)])
        pip = [str(made / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        _run([*pip, f"aws-sam-cli=={VERSION}"])
        (made / READY).touch()


def _run(arguments: list[str]) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-MOST_LINES:])
        raise InstallationError(
            f"aws-sam-cli {VERSION} could not be installed into {folder()}:\n{said}\nInstall it yourself (`pipx install aws-sam-cli`) and put `sam` on the PATH"
        )
