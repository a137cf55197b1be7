"""Kill -9 of the process that makes a call, and of PostgreSQL, at a named point; and of what the local runtime has running."""

import io
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from headgate.local.data_api import DataApi
from state.errors import StateUnavailable
from tests.direct_client import DirectClient, role_of
from tests.disk_aws import DiskAws
from tests.state_world import World


@dataclass(frozen=True)
class Point:
    """In `handler` (or the job), before or after the `nth` call of `name`: a function of the state by its name, or an operation of AWS."""

    handler: str
    name: str
    when: str = "after"
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.handler}: {self.when} {self.name} {self.nth}"


@dataclass
class Kill:
    """Kills a process of its own that makes the call, once it is at the point."""

    point: Point
    world: World
    aws: DiskAws
    killed: bool = False

    def calls(self, handler: str, call: Callable[[], Any]) -> None:
        if self.killed or handler != self.point.handler:
            return
        if (child := os.fork()) == 0:
            with suppress(BaseException):
                self._arm()
                call()
            os._exit(0)
        self.killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    def _arm(self) -> None:
        sys.stdout = sys.stderr = io.StringIO()
        # nothing of the connections that the parent has is touched
        self.world.database._client = DirectClient(DataApi(self.world.dsn, role_of=role_of))
        for owner, operation in ((self.world.database, "call"), (self.world.database, "rows")):
            setattr(owner, operation, self._watched(getattr(owner, operation), lambda given: str(given[0])))
        name = self.point.name
        if hasattr(self.aws, name):
            setattr(self.aws, name, self._watched(getattr(self.aws, name), lambda given: name))

    def _watched(self, call: Callable[..., Any], named: Callable[[tuple[Any, ...]], str]) -> Callable[..., Any]:
        seen = Counter[str]()

        def watched(*given: Any, **more: Any) -> Any:
            at_point = named(given) == self.point.name
            seen[named(given)] += at_point
            dies = at_point and seen[self.point.name] == self.point.nth
            if dies and self.point.when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = call(*given, **more)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return watched


@dataclass
class KillServer(Kill):
    """Kills the process of PostgreSQL that carries out the call, in the middle of its transaction. The server ends all connections, and recovers."""

    def calls(self, handler: str, call: Callable[[], Any]) -> None:
        if self.killed or handler != self.point.handler:
            return
        with psycopg.connect(self.world.dsn) as holder, ThreadPoolExecutor(1) as caller:
            holder.execute("SELECT FROM data_product FOR UPDATE")
            holder.execute("SELECT FROM data_product_status FOR UPDATE")
            called = caller.submit(call)
            while not called.done() and not (waiting := self._waiting()):
                time.sleep(0.01)
            if not called.done():
                os.kill(waiting[0], signal.SIGKILL)
                self.killed = True
            with suppress(psycopg.OperationalError):
                holder.rollback()
            with suppress(StateUnavailable):
                called.result()
        self.world._direct = None
        while self.killed:
            with suppress(psycopg.OperationalError), psycopg.connect(self.world.dsn):
                return
            time.sleep(0.05)

    def _waiting(self) -> list[int]:
        """The processes that wait for a lock within the wanted call."""
        query = "SELECT pid FROM pg_stat_activity WHERE pg_blocking_pids(pid) <> '{}' AND query LIKE %s"
        return [pid for (pid,) in self.world.sql(query, f"%{self.point.name}%")]


def kill_functions(folder: Path) -> list[int]:
    """Kills the processes that run in the folders of functions, of the local runtime in this folder. Gives their ids."""
    return _killed(lambda process: (process / "cwd").readlink().is_relative_to(folder / "tmp"))


def kill_job(script: Path, run: str) -> list[int]:
    """Kills the process of the script that has this id of a job run among its arguments."""

    def is_it(process: Path) -> bool:
        words = (process / "cmdline").read_bytes().decode().split("\0")
        return str(script) in words and run in words

    return _killed(is_it)


def _killed(chosen: Callable[[Path], bool]) -> list[int]:
    killed = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):  # it has ended
            if process.name.isdigit() and chosen(process):
                os.kill(int(process.name), signal.SIGKILL)
                killed.append(int(process.name))
    return killed
