"""How the hosted board learns that the state has changed: at most once in ten seconds, and never in the way of what is done."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

import board_signal
import runtime
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, day, gate, invoke, sample
from tests.state_world import World

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/headgate-board-changes.fifo"


@dataclass
class Fifo:
    """A queue that keeps one message of each name."""

    names: list[str] = field(default_factory=list)
    calls: int = 0
    broken: bool = False

    def send_message(self, QueueUrl: str, MessageBody: str, MessageGroupId: str, MessageDeduplicationId: str) -> None:  # noqa: N803
        self.calls += 1
        if self.broken:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessage")
        assert (QueueUrl, MessageGroupId) == (QUEUE, "snapshot")
        if MessageDeduplicationId not in self.names:
            self.names.append(MessageDeduplicationId)


@pytest.fixture
def fifo(monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> Fifo:
    made = Fifo()
    monkeypatch.setattr(board_signal, "queues", lambda: made)
    monkeypatch.setattr(board_signal, "_sent", {})
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    monkeypatch.setenv("BOARD_QUEUE", QUEUE)
    return made


def test_changes_of_ten_seconds_are_said_once(fifo: Fifo) -> None:
    for seconds in (0, 3, 9.9, 10, 10.1, 25):
        board_signal.changed(NOW + timedelta(seconds=seconds))
    assert (len(fifo.names), fifo.calls) == (3, 3)


def test_other_functions_say_it_in_the_same_words(fifo: Fifo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each function runs in processes of its own; the queue keeps one of their messages."""
    board_signal.changed(NOW)
    monkeypatch.setattr(board_signal, "_sent", {})
    board_signal.changed(NOW + timedelta(seconds=9))
    assert (len(fifo.names), fifo.calls) == (1, 2)


def test_whoever_changes_a_run_says_so_afterwards(fifo: Fifo, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def clock() -> Any:
        return NOW + timedelta(seconds=10 * len(seen))

    monkeypatch.setattr(runtime, "now", clock)
    run = day(world)
    seen.append(len(fifo.names))
    invoke("dependency_gate", gate(run))
    seen.append(len(fifo.names))
    invoke("monitor", sample("monitor"))
    seen.append(len(fifo.names))
    assert seen == [1, 2, 3]


def test_what_was_done_does_not_fail_because_the_board_is_not_informed(
    fifo: Fifo, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    fifo.broken = True
    assert day(world)
    assert "board_not_informed" in caplog.text
    fifo.broken = False
    board_signal.changed(NOW)
    assert len(fifo.names) == 1, "the next change says it"


def test_without_a_board_nothing_is_said(fifo: Fifo, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARD_QUEUE", "")
    day(world)
    assert fifo.calls == 0
