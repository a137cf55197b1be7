"""The endpoint uses the runtime's clock: for waits, retries, the visibility of messages, schedules and timestamps.

It reads real time everywhere, so a deadline of four hours would take four hours.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ministack.core import responses
from ministack.services import eventbridge, lambda_svc, s3, scheduler, sns, sqs, stepfunctions

from headgate.local.adapters.settings import Settings
from headgate.local.clock import Clock

HOOKS = (
    *(f"{module}:time" for module in ("eventbridge", "s3", "scheduler", "sns", "sqs", "stepfunctions")),
    *(f"{module}:threading" for module in ("eventbridge", "s3", "stepfunctions")),
    "stepfunctions:now_iso", "s3:now_iso", "stepfunctions:_scaled_sleep", "lambda_svc:_dispatch_esm_batch", "lambda_svc:_poll_sqs", "lambda_svc:_esm_wake",
    "lambda_svc:_iter_all_esms", "sqs:_queues", "scheduler:_schedules", "scheduler:_schedule_last_fired",
    "scheduler:_update_schedule", "scheduler:_at_time_epoch", "eventbridge:_parse_rate_seconds", "eventbridge:_parse_cron_fields", "eventbridge:_cron_next_fire",
)  # fmt: skip


class _Time:
    """Replaces the module `time` where another module imported it."""

    def __init__(self, clock: Clock, sleep: Callable[[float], None]) -> None:
        self.time, self.sleep = clock.time, sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class _Threading:
    """Replaces the module `threading` where another module imported it: threads are counted, events use the clock."""

    def __init__(self, clock: Clock) -> None:
        class Thread(threading.Thread):
            def start(self) -> None:
                self._target: Any = clock.counted(self._target)  # type: ignore[attr-defined, unused-ignore]
                super().start()

            def join(self, timeout: float | None = None) -> None:
                with clock.not_counting():
                    super().join(timeout)

        self.Thread, self.Event = Thread, clock.event

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)


def install(settings: Settings) -> None:
    clock = settings.clock

    def sleep(seconds: float) -> None:
        if seconds >= 1:  # the fraction of a second that it sleeps before an execution begins has no use
            clock.sleep(seconds)

    stepfunctions.time = _Time(clock, sleep)
    stepfunctions.now_iso = s3.now_iso = lambda: _iso(clock.time())
    s3.time = sqs.time = sns.time = _Time(clock, time.sleep)
    # loops that check whether something is due
    scheduler.time = _Time(clock, clock.sleep_until_jump)
    eventbridge.time = _Time(clock, clock.sleep_until_jump)
    stepfunctions.threading = eventbridge.threading = s3.threading = _Threading(clock)

    dispatch = lambda_svc._dispatch_esm_batch
    lambda_svc._dispatch_esm_batch = lambda mapping, run, *rest: dispatch(mapping, clock.counted(run), *rest)

    poll = lambda_svc._poll_sqs

    def polled() -> Any:
        """A message that has been received, and whose function has not been called yet, is seen by nothing else."""
        with clock.counting():
            return poll()

    lambda_svc._poll_sqs = polled
    update = scheduler._update_schedule

    def updated(name: str, given: dict[str, Any]) -> Any:
        """On AWS a schedule that fires once fires again where it is given another moment."""
        place = (responses.get_account_id(), responses.get_region(), f"{given.get('GroupName', 'default')}/{name}")
        answer = update(name, given)
        scheduler._schedule_last_fired.pop(place, None)
        return answer

    scheduler._update_schedule = updated


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def poll_queues() -> None:
    """Messages may have become visible: makes the poller of event source mappings poll now."""
    lambda_svc._esm_wake.set()


def messages(now: float) -> tuple[int, float | None]:
    """How many messages wait for a function, and the moment at which the first hidden one becomes visible (None: none is hidden)."""
    sources = {each["EventSourceArn"] for _, _, each in lambda_svc._iter_all_esms() if each.get("Enabled", True)}
    moments = [
        message["visible_at"]
        for queue in list(sqs._queues._data.values())
        if queue["attributes"].get("QueueArn") in sources
        for message in list(queue["messages"])
    ]
    return sum(each <= now for each in moments), min((each for each in moments if each > now), default=None)


def next_tick(now: float) -> float | None:
    """The next moment at which a schedule fires; None if there is none."""
    moments = []
    for key, schedule in list(scheduler._schedules._data.items()):
        once = scheduler._at_time_epoch(schedule["ScheduleExpression"])
        if once is not None:
            if key not in scheduler._schedule_last_fired:
                moments.append(once)
            continue
        # the endpoint counts from the moment at which its loop first reads a schedule; a jump may come earlier
        last = scheduler._schedule_last_fired.setdefault(key, now)
        if schedule.get("State") != "ENABLED":
            continue
        every = eventbridge._parse_rate_seconds(schedule["ScheduleExpression"])
        if every is not None:
            moments.append(last + every)
            continue
        fields = eventbridge._parse_cron_fields(schedule["ScheduleExpression"])
        fires = eventbridge._cron_next_fire(fields, datetime.fromtimestamp(last, UTC)) if fields else None
        if fires is not None:
            moments.append(fires.timestamp())
    return min(moments, default=None)
