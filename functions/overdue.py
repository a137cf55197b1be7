"""Runs beyond a time that their metadata states, where no machine acts on it. The monitor finds them."""

from datetime import datetime
from uuid import UUID

import launches
import missed_deadlines
from state.answers import Json
from state.calls import State


def end_pipeline(state: State, overdue: Json, now: datetime) -> bool:
    """Ends a run whose pipeline takes longer than its timeout. Its work is stopped by who asks about job runs. False if it has ended by now. Raises
    botocore's errors where a service does not say what it was asked to do."""
    run, attempt = UUID(overdue["run_id"]), overdue["attempt"]
    launches.learn(state, run, attempt, now)
    return state.end_overdue_pipeline(run, attempt, now)


def meet_deadline(state: State, overdue: Json, now: datetime) -> bool:
    """Does what the deadline of a run means whose machine could not be started, or is not started in shadow. One that is to start all the same is released, and one that is held
    waits for the end of the hold."""
    run, attempt = UUID(overdue["run_id"]), overdue["attempt"]
    deadline = state.resolve_deadline(run, attempt, overdue["on_deadline"], now)
    if deadline.decision not in ("skip", "fail"):
        return True
    reason = overdue["not_started"]
    not_started = f"The state machine could not be started: {reason}" if reason else ""
    error = missed_deadlines.failure(state, run, deadline)
    if deadline.decision == "skip":
        state.end_wait(run, attempt, "skip", None, not_started or str(error), now)
    else:
        state.end_wait(run, attempt, "fail", type(error).__name__, f"{error} {not_started}".rstrip(), now)
    return True
