"""Watches the parts of a running application, and starts again what ended by itself."""

import subprocess
import time
from collections.abc import Callable
from datetime import datetime

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from headgate.local.postgres import PostgresError
from headgate.local.presence import Held
from headgate.local.runtime import Runtime
from headgate.local.stack import FunctionError, Report, StartError

ERRORS = (
    PostgresError,
    StartError,
    FunctionError,
    BotoCoreError,
    ClientError,
    psycopg.Error,
    subprocess.SubprocessError,
)
WATCH_SECONDS = 1.0
TRIES, TRIES_SECONDS = 5, 600.0


class FolderLostError(RuntimeError):
    """The folder of the application was deleted: there is nothing to keep any more."""

    def __init__(self) -> None:
        super().__init__("the folder of the application was deleted while it was running")


class Keeper:
    """`prepare` deploys the application to parts that have just started, and makes it usable; `watch` is called again and again from then on."""

    def __init__(
        self, running: Runtime, held: Held, prepare: Callable[[], None], watch: Callable[[], None], report: Report
    ) -> None:
        self._running, self._held, self._prepare, self._watch, self._report = running, held, prepare, watch, report
        self._tries: list[float] = []

    def keep(self) -> None:
        """Prepares the application and watches it; does not return. Raises `FolderLostError`, and one of `ERRORS` where the first start fails or
        too many in a short time do not help."""
        self._prepare()
        while True:
            self._watch()
            time.sleep(WATCH_SECONDS)
            if self._held.is_lost:
                raise FolderLostError
            if ended := self._running.ended():
                self._held.withdraw()
                self._start_again(ended)

    def _start_again(self, ended: str) -> None:
        reason = f"{ended} ended unexpectedly"
        while True:
            self._count(reason)
            self._report(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {reason}; starting it again")
            try:
                self._running.restart_ended()
                self._prepare()
                return
            except ERRORS as error:
                if self._held.is_lost:
                    raise FolderLostError from None
                reason = str(error)

    def _count(self, reason: str) -> None:
        """Raises `StartError` if that many starts in so short a time did not help."""
        now = time.monotonic()
        self._tries = [each for each in self._tries if each > now - TRIES_SECONDS]
        if len(self._tries) == TRIES:
            raise StartError(f"{TRIES} new starts within {TRIES_SECONDS / 60:.0f} minutes did not help: {reason}")
        time.sleep(len(self._tries))
        self._tries.append(now)
