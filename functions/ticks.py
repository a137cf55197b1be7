"""The next tick of the scheduler and of the monitor: two schedules of EventBridge Scheduler that fire once, at the moment at which there is something to
do, and are then set anew. A tick that is lost, or could not be set, is made up for by the regular one (`TickExpression`)."""

import json
import math
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import runtime
from clients import client, described
from effects import LOG

KEPT = ("GroupName", "FlexibleTimeWindow", "Target", "Description", "State")  # what an update would drop
SOON = timedelta(minutes=10)
_seen: dict[
    str, datetime
] = {}  # the look that this warm function has seen to be set; nobody sets one that is to come to a later moment


def scheduler() -> Any:
    return client("scheduler")


def set_next(now: datetime) -> None:
    """Sets both by the state as of now. What the caller was called for is done, and does not fail because of this."""
    runtime.tried(lambda: _set(now))


def look_soon(now: datetime) -> None:
    """Sets the monitor's look to ten minutes from now, unless it looks before that: something may be under way since now."""
    _, look = _names()
    if not now < _seen.get(look, now) <= now + SOON:
        _moved(look, now + SOON, now)


def set_look(now: datetime) -> None:
    """Sets the monitor's look by the state as of now."""
    runtime.tried(lambda: int(_moved(_names()[1], _moment(runtime.state().next_ticks(now).look), now)))


def _set(now: datetime) -> int:
    """How many were set."""
    opening, look = _names()
    ticks = runtime.state().next_ticks(now)
    count = int(_moved(opening, _moment(ticks.opening), now))
    if _moved(look, _moment(ticks.look), now):
        # it may have been set to an earlier moment since `next_ticks`, for work that began since: asked once more, the state knows of that
        count += 1 + _moved(look, _moment(runtime.state().next_ticks(now).look), now)
    return count


def _names() -> tuple[str, str]:
    opening, look = os.environ["NEXT_TICKS"].split(" ")
    return opening, look


def _moment(text: str | None) -> datetime | None:
    """The whole second, which is what a schedule takes, not before it."""
    return datetime.fromtimestamp(math.ceil(datetime.fromisoformat(text).timestamp()), UTC) if text else None


def _moved(name: str, moment: datetime | None, now: datetime) -> bool:
    """Whether the schedule was set to the moment. It is not if it fires before that."""
    if moment is None:
        return False
    try:
        schedule = scheduler().get_schedule(Name=name)
        _seen[name] = datetime.fromisoformat(schedule["ScheduleExpression"][3:-1]).replace(tzinfo=UTC)
        if now < _seen[name] <= moment:
            return False
        kept = {key: schedule[key] for key in KEPT if key in schedule}
        scheduler().update_schedule(Name=name, ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})", **kept)
        _seen[name] = moment
    except (BotoCoreError, ClientError) as error:
        LOG.warning(json.dumps({"tick_not_set": name, "reason": described(error)}))
        return False
    return True
