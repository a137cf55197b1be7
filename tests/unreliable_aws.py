"""AWS that never takes some of the calls, and during whose calls a worker may die."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.fake_aws import FakeAws


class WorkerDiedError(BaseException):
    """As kill -9 does, it passes every handler of errors, and nothing of what was under way is recorded."""


@dataclass
class UnreliableAws(FakeAws):
    """`refused` are names of executions and task tokens. `calls_left`: the worker dies after so many calls."""

    refused: set[str] = field(default_factory=set)
    calls_left: int | None = None

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, str]:  # noqa: N803, A002
        self._begin(name)
        started = super().start_execution(stateMachineArn, name, input)
        self._end()
        return started

    def _answer(self, operation: str, token: str, answer: Any) -> None:
        self._begin(token)
        super()._answer(operation, token, answer)
        self._end()

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self._begin(json.loads(Entries[0]["Detail"])["run_id"])
        return super().put_events(Entries)

    def _begin(self, key: str) -> None:
        with self.lock:
            if self.calls_left is not None:
                self.calls_left -= 1
                if self.calls_left < 0:
                    raise WorkerDiedError
        if key in self.refused:
            raise TypeError("as the test wants it")

    def _end(self) -> None:
        """AWS has done it, and the worker dies before it can say so."""
        with self.lock:
            if self.calls_left == 0:
                raise WorkerDiedError
