"""What the handlers share: the state and the performer of a warm function, made on first use, the clock, and the time a function has left."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import board_signal
from clients import no_limit
from effects import LOG, Performer
from state.calls import State
from state.database import Database
from state.errors import StateError


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


def time_left(context: Any) -> Callable[[], float]:
    """Gives how many seconds the function that Lambda called with this context has left. One that is called without it has no limit."""
    return (lambda: context.get_remaining_time_in_millis() / 1000) if context else no_limit


def perform_due(context: Any, made: datetime) -> int:
    """Performs what the caller's transitions of the moment `made` made due, and then, as far as its time allows, what else is due. Gives how
    many effects were performed. What is not performed in time is left to the next call of a function that does this."""
    return perform_made(context, made) + performer().perform_due(now, time_left(context))


def perform_made(context: Any, made: datetime) -> int:
    """Performs what the caller's transitions of the moment `made` made due, and nothing of others. The board learns of them."""
    done = tried(lambda: performer().perform_due_since(made, now, time_left(context)))
    board_signal.changed(now())
    return done


def perform_of_run(context: Any, run: UUID) -> int:
    """Performs what is due of one run: a machine's call never waits for the effects of others. The board learns of what was done to it."""
    done = tried(lambda: performer().perform_of_run(run, now, time_left(context)))
    board_signal.changed(now())
    return done


def continue_backfills(context: Any, made: datetime) -> int:
    """Opens the next runs of backfills that are under way, and performs what that makes due."""

    def opened() -> int:
        return perform_made(context, made) if state().continue_backfills(made) else 0

    return tried(opened)


def tried(perform: Callable[[], int]) -> int:
    """What the caller was called for is recorded, and must not fail because of this: effects that were not performed stay in the outbox."""
    try:
        return perform()
    except StateError as error:
        LOG.error(json.dumps({"effects": "not performed", "reason": str(error)}))
        return 0
