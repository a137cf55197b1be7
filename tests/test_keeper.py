"""What ends under a running application is started again, but not for ever."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from headgate.local import keeper
from headgate.local.keeper import TRIES, FolderLostError, Keeper
from headgate.local.presence import Held
from headgate.local.runtime import Runtime
from headgate.local.stack import StartError


@dataclass
class Parts:
    """The parts of an application, and its folder; `deaths` says at which seconds something ends. Time passes by sleeping."""

    deaths: list[float]
    lost_at: float = 1_000_000
    now: float = 0
    refusing: int = 0  # so many starts fail
    done: list[str] = field(default_factory=list)

    @property
    def is_lost(self) -> bool:
        return self.now >= self.lost_at

    def ended(self) -> str:
        return "PostgreSQL" if self.deaths and self.now >= self.deaths[0] else ""

    def restart_ended(self) -> None:
        self.deaths.pop(0) if self.deaths else None
        if self.refusing:
            self.refusing -= 1
            raise StartError("sam deploy failed")
        self.done.append("restarted")

    def prepare(self) -> None:
        self.done.append("usable")

    def withdraw(self) -> None:
        self.done.append("not usable")

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def keeping(monkeypatch: pytest.MonkeyPatch) -> Callable[[Parts], list[str]]:
    """Keeps the parts to the end; gives what was reported."""

    def keep(parts: Parts) -> list[str]:
        clock = type(
            "Clock", (), {"monotonic": lambda self: parts.now, "sleep": lambda self, seconds: parts.sleep(seconds)}
        )
        monkeypatch.setattr(keeper, "time", clock())
        reported: list[str] = []
        running: Any = parts
        Keeper(cast("Runtime", running), cast("Held", running), parts.prepare, lambda: None, reported.append).keep()
        return reported

    return keep


def test_what_ends_is_started_again(keeping: Callable[[Parts], list[str]]) -> None:
    parts = Parts(deaths=[10, 700], lost_at=2000)
    with pytest.raises(FolderLostError):
        keeping(parts)
    assert parts.done == ["usable", *["not usable", "restarted", "usable"] * 2]


def test_a_start_that_fails_is_tried_again(keeping: Callable[[Parts], list[str]]) -> None:
    parts = Parts(deaths=[10], lost_at=2000, refusing=TRIES - 1)
    with pytest.raises(FolderLostError):
        keeping(parts)
    assert parts.done == ["usable", "not usable", "restarted", "usable"]


def test_starts_that_do_not_help_come_to_an_end(keeping: Callable[[Parts], list[str]]) -> None:
    parts = Parts(deaths=[10], refusing=TRIES)
    with pytest.raises(StartError, match=r"5 new starts within 10 minutes did not help: sam deploy failed"):
        keeping(parts)
    assert parts.done[-1] == "not usable"


def test_a_part_that_ends_again_and_again_comes_to_an_end(keeping: Callable[[Parts], list[str]]) -> None:
    parts = Parts(deaths=[10.0 * each for each in range(1, 100)])
    with pytest.raises(StartError, match="did not help: PostgreSQL ended unexpectedly"):
        keeping(parts)
    assert parts.done.count("restarted") == TRIES


def test_ends_that_are_hours_apart_do_not_count_together(keeping: Callable[[Parts], list[str]]) -> None:
    parts = Parts(deaths=[3600.0 * each for each in range(1, 20)], lost_at=100_000)
    with pytest.raises(FolderLostError):
        keeping(parts)
    assert parts.done.count("restarted") == 19


def test_a_first_start_that_fails_is_not_repeated(
    keeping: Callable[[Parts], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever typed `headgate up` waits for the answer."""

    def refuse(parts: Parts) -> None:
        raise StartError("sam build failed")

    monkeypatch.setattr(Parts, "prepare", refuse)
    parts = Parts(deaths=[])
    with pytest.raises(StartError, match="sam build failed"):
        keeping(parts)
    assert parts.now == 0
