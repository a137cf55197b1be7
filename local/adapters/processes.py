"""The processes of functions are forked from one that has loaded Python and the SDK already.

The endpoint starts Python anew for each: that is most of the work of a short day, and a burst starts several processes a function.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing import util
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime

from headgate.local.adapters.settings import Settings
from headgate.local.function_process import Streams, run

HOOKS = ("core.lambda_runtime:subprocess",)
SCRIPT = "_worker.py"
LONGEST = 70  # characters of a folder for that address
SHORT = "/tmp"  # noqa: S108 - for a runtime whose own folder is longer


class ForkedProcess:
    """As much of `subprocess.Popen` as the endpoint uses of a function's process: text streams, and its end."""

    def __init__(self, context: Any, script: Path, folder: Path, environment: dict[str, str]) -> None:
        pipes = [os.pipe() for _ in range(3)]
        streams = Streams(pipes[0][0], pipes[1][1], pipes[2][1])
        # `daemon`: it ends with the endpoint
        self._process = context.Process(target=run, args=(script, folder, environment, streams), daemon=True)
        try:
            self._process.start()
        finally:
            for each in streams.descriptors:
                os.close(each)
        self.stdin = os.fdopen(pipes[0][1], "w", 1, encoding="utf-8")
        self.stdout, self.stderr = (os.fdopen(pipe[0], encoding="utf-8") for pipe in pipes[1:])
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        code: int | None = self._process.exitcode
        return code

    def wait(self, timeout: float | None = None) -> int | None:
        self._process.join(timeout)
        if self._process.is_alive():
            raise subprocess.TimeoutExpired(SCRIPT, timeout or 0)
        return self.poll()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


class _Subprocess:
    """Replaces the module `subprocess` where the endpoint starts functions."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["headgate.local.function_sdk", run.__module__])

    def Popen(self, command: list[str], **options: Any) -> Any:  # noqa: N802 - the name in the module
        if Path(command[-1]).name != SCRIPT:
            return subprocess.Popen(command, **options)
        return ForkedProcess(self._context, Path(command[-1]), Path(options["cwd"]), options["env"])

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)


def install(settings: Settings) -> None:
    folder = settings.folder / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    usual = tempfile.tempdir
    tempfile.tempdir = _short(folder)
    try:
        util.get_temp_dir()  # is made now, and kept
    finally:
        tempfile.tempdir = usual
    lambda_runtime.subprocess = _Subprocess()


def _short(folder: Path) -> str:
    """A path to the folder with which the address of the fork server, `pymp-*/listener-*`, stays below 107 bytes: for as long as this process
    lives, by a descriptor of its own where the kernel shows those as paths."""
    if sys.platform == "linux":
        return f"/proc/self/fd/{os.open(folder, os.O_PATH)}"
    return str(folder) if len(os.fsencode(folder)) <= LONGEST else SHORT
