"""How old the snapshots of an application are, and whether a newer one should be there."""

import re
from datetime import datetime, timedelta
from typing import Any

from board_store import Head

UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
SLACK = timedelta(minutes=10)  # for the queue, the function and a database that wakes up


def age(head: Head, now: datetime) -> dict[str, Any]:
    """{application, written_at}, with `overdue_since` where it should have been written again by now. Without any change it is written with the regular ticks; one of these may
    come a moment too early to count."""
    due = datetime.fromisoformat(head.written_at) + 2 * between_ticks(head.tick) + SLACK
    found = {"application": head.name, "written_at": head.written_at}
    return {**found, "overdue_since": due.isoformat()} if due < now else found


def between_ticks(expression: str) -> timedelta:
    """The time between two regular ticks (`TickExpression`): of a cron expression an hour where every hour has one, else a day."""
    if found := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        return int(found[1]) * UNITS[found[2]]
    fields = expression.removeprefix("cron(").split()
    return UNITS["hour"] if len(fields) > 1 and fields[1] == "*" else UNITS["day"]
