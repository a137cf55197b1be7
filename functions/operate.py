"""What operators do to runs: rerun, hold, release, skip, cancel, waive, backfill; retry of effects and of files, redrive of dead letters, mutes of alerts. IAM decides who may
call it, the metadata who may act on which domain. The caller is recorded, by the identity that AWS confirms."""

from datetime import datetime
from typing import Any

import caller
import letters
import operations
import runtime
import ticks
from contract import require
from job_run import JobRun
from job_services import stop
from state.calls import State


def handler(event: dict[str, Any], context: Any) -> Any:
    """The result of the action; with `preview` what it would change, and nothing is changed. Raises `BadEvent`, `UnknownRun`,
    `UnknownProduct`, `NoPipeline`, `IllegalTransition`, `ChangedMeanwhile`, `TooMuch`, `UnknownLetter`, `NotIdentified`, `NotAllowed`."""
    require(event, "operate")
    state, now = runtime.state(), runtime.now()
    request = operations.requested(event)
    arn = caller.verified(event, now)
    caller.check(arn, state.operators_of(request))
    actor = caller.actor(event, arn)
    operations.check(event)
    if event["action"] == "retry":
        return _retry(state, event, actor, now, context)
    if event["action"] == "redrive":
        return letters.redrive(event.get("letter"), actor)
    done = state.operate(request, event.get("preview", False), event.get("expect"), actor, now)
    if done.changes is not None:
        return operations.trial(request, done)
    assert done.result is not None, "it is left out of a trial only"
    for each in done.result.get("jobs", ()):
        stop(JobRun.of(each))
    runtime.perform_made(context, now)
    ticks.set_next(now)
    return operations.answered(event, done.result)


def _retry(state: State, event: dict[str, Any], actor: str, now: datetime, context: Any) -> dict[str, int]:
    """How many parked effects are due again, and how many of these could be performed at once."""
    retried = state.retry_effects([event["effect"]] if "effect" in event else None, actor, now)
    performed = runtime.perform_made(context, now)
    ticks.look_soon(now)
    return {"retried": retried, "performed": performed}
