"""The process that serves the board of the running application."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from headgate.local.process import listener, popen

PORT = 4600  # if it is free


class BoardProcess:
    """Started by `command` and the number of the socket that it serves; started again where it has ended."""

    def __init__(self, command: list[str], folder: Path, stack: contextlib.ExitStack) -> None:
        self._socket = stack.enter_context(listener(PORT))
        self._command, self._folder = command, folder
        self._process: subprocess.Popen[bytes] | None = None
        stack.callback(self._stop)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/"

    def keep(self) -> None:
        if self._process is None or self._process.poll() is not None:
            number = self._socket.fileno()
            variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
            log = self._folder / "board.log"
            self._process = popen([*self._command, str(number)], log, signal.SIGTERM, variables, keep_open=[number])

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
