"""Runs the work of a step in a process: it ends by itself, at its time limit, or because it is stopped.

A step type (`local/step_types`) adds what belongs to its service: names of states, the event, the API. The scenario may set how
long the work takes by the clock, and whether it fails or hangs (`Settings.behaviours`).
"""

import contextvars
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ministack.core.responses import get_account_id, get_region

from headgate.local import job_output
from headgate.local.adapters.settings import Settings
from headgate.local.process import dies_with_parent

HOOKS = ()
LIBRARY = Path(__file__).parents[2] / "jobs"  # the package for authors of jobs; on AWS it comes with `--extra-py-files`
PATH = "PYTHONPATH"
MESSAGE = 2_000  # characters of the last line that is kept of a script's output


@dataclass(frozen=True)
class Order:
    """The work to run. `name` is its name in the scenario, `run` the id of its job run, by which its output is kept (`job_output`). Without a
    `script` it has nothing to do. `seconds` is its time limit by the clock, None for none. `refused` says why it cannot begin, and then it
    fails."""

    name: str
    run: str
    script: str | None
    arguments: tuple[str, ...] = ()
    seconds: float | None = None
    variables: dict[str, str] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True)
class End:
    """`state` is SUCCEEDED, FAILED, STOPPED or TIMEOUT; `message` the last line of what a failed script printed to its error output;
    `code` its exit code, None if it was ended from outside."""

    state: str
    message: str = ""
    code: int | None = None


def install(settings: Settings) -> None:
    """Creates the folder for the endpoint's temporary files."""
    (settings.folder / "tmp").mkdir(parents=True, exist_ok=True)


class Work:
    """Starts at once, in a thread that is counted. `ended` is called once, from that thread, in the account and region of the request."""

    def __init__(self, settings: Settings, order: Order, ended: Callable[[End], None]) -> None:
        self._settings, self._order, self._ended = settings, order, ended
        self._behaviour = settings.next_behaviour(order.name)
        self._stopped, self._signal = False, settings.clock.event()
        self._process: subprocess.Popen[bytes] | None = None
        run = contextvars.copy_context().run
        target = settings.clock.counted(lambda: run(self._run))
        threading.Thread(target=target, daemon=True, name=order.name).start()

    def stop(self) -> None:
        """Ends the work, and its process."""
        self._stopped = True
        self._signal.set()
        if self._process is not None:
            self._process.kill()

    def _run(self) -> None:
        clock, started = self._settings.clock, self._settings.clock.time()
        limit = float("inf") if self._order.seconds is None else self._order.seconds
        takes = float("inf") if self._behaviour.get("hangs") else float(self._behaviour.get("takes", 0))
        # what hangs does nothing else
        code, message = (0, "") if self._behaviour.get("hangs") else self._execute()
        remaining = started + min(takes, limit) - clock.time()
        if remaining > 0:
            self._signal.wait(None if remaining == float("inf") else remaining)
        if self._stopped:
            self._ended(End("STOPPED"))
        elif takes >= limit:
            self._ended(End("TIMEOUT"))
        elif code:
            self._ended(End("FAILED", message, code))
        else:
            self._ended(End("SUCCEEDED", code=code))

    def _execute(self) -> tuple[int, str]:
        """The exit code, and the last line of the error output of a script that failed."""
        if "fails" in self._behaviour:
            return 1, str(self._behaviour["fails"])[:MESSAGE]
        if self._order.refused:
            return 1, self._order.refused[:MESSAGE]
        if self._order.script is None:
            return 0, ""
        file = job_output.prepared(self._settings.folder, self._order.name, self._order.run)
        process = self._process = subprocess.Popen(
            [sys.executable, self._order.script, *self._order.arguments], cwd=self._settings.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self._environment(), preexec_fn=dies_with_parent(),
        )  # fmt: skip
        if self._stopped:  # before there was a process
            process.kill()
        lines = job_output.collect(process, file).decode(errors="replace").strip().splitlines()
        return process.returncode, (lines[-1] if lines else f"exit code {process.returncode}")[:MESSAGE]

    def _environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("HEADGATE_", "PYTHONPATH"))}
        reach = {
            "AWS_ENDPOINT_URL": self._settings.url,
            "AWS_ACCESS_KEY_ID": get_account_id(),
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": get_region(),
            "PYTHONUNBUFFERED": "1",  # its output is read while it runs
        }
        modules = [self._order.variables[PATH]] if PATH in self._order.variables else []
        return {**inherited, **reach, **self._order.variables, PATH: os.pathsep.join([*modules, str(LIBRARY)])}
