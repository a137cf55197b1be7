"""What the handlers share: the clients of a warm function, made on first use, and the clock."""

from datetime import UTC, datetime
from functools import cache

from effects import Performer
from state.calls import State
from state.database import Database


@cache
def database() -> Database:
    return Database()


@cache
def state() -> State:
    return State(database())


@cache
def performer() -> Performer:
    return Performer(state())


def now() -> datetime:
    """The only place where a handler reads the clock; decisions get the time passed in."""
    return datetime.now(UTC)


def perform_due() -> int:
    """Performs what is due by now. Gives how many effects were performed."""
    return performer().perform_due(now)
