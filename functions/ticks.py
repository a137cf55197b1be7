"""The next tick of the scheduler and of the monitor: two schedules of EventBridge Scheduler that fire once, at the moment at which there is something to
do, and are then set anew. A tick that is lost, or could not be set, is made up for by the regular one (`TickExpression`)."""

import json
import math
import os
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import runtime
from clients import client, described
from effects import LOG

KEPT = ("GroupName", "FlexibleTimeWindow", "Target", "Description", "State")  # what an update would drop


def scheduler() -> Any:
    return client("scheduler")


def set_next(now: datetime) -> None:
    """Sets both by the state as of now. What the caller was called for is done, and does not fail because of this."""
    runtime.tried(lambda: _set(now))


def _set(now: datetime) -> int:
    ticks = runtime.state().next_ticks(now)
    opening, look = os.environ["NEXT_TICKS"].split(" ")
    return sum(
        _moved(name, datetime.fromisoformat(moment))
        for name, moment in ((opening, ticks.opening), (look, ticks.look))
        if moment
    )


def _moved(name: str, moment: datetime) -> bool:
    """Whether the schedule did not fire at that moment before. It takes whole seconds."""
    at = datetime.fromtimestamp(math.ceil(moment.timestamp()), UTC)
    expression = f"at({at:%Y-%m-%dT%H:%M:%S})"
    try:
        known = scheduler().get_schedule(Name=name)
        if known["ScheduleExpression"] == expression:
            return False
        kept = {key: known[key] for key in KEPT if key in known}
        scheduler().update_schedule(Name=name, ScheduleExpression=expression, **kept)
    except (BotoCoreError, ClientError) as error:
        LOG.warning(json.dumps({"tick_not_set": name, "reason": described(error)}))
        return False
    return True
