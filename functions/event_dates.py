"""Which dates a refresh event may have. One that is dated far ahead would hold good for ever, and be the latest of every question."""

import os
from datetime import date, timedelta

DAYS_AHEAD, YEARS_BACK = "EVENT_DAYS_AHEAD", "EVENT_YEARS_BACK"
DEFAULT_DAYS_AHEAD, DEFAULT_YEARS_BACK = "7", "10"
DAYS_A_YEAR = 365.25


def bounds(today: date) -> tuple[date, date]:
    """The first and the last date that an event may have."""
    return today - timedelta(days=round(_years_back() * DAYS_A_YEAR)), today + timedelta(days=_days_ahead())


def out_of_bounds(name: str, text: str, today: date) -> str | None:
    """Why the field cannot have this date or moment; None if it can."""
    first, last = bounds(today)
    day = date.fromisoformat(text[:10])
    if day > last:
        return f"/detail/{name} is {text}, more than {_days_ahead()} days ahead of {today}"
    if day < first:
        return f"/detail/{name} is {text}, more than {_years_back()} years before {today}"
    return None


def _days_ahead() -> int:
    return int(os.environ.get(DAYS_AHEAD, DEFAULT_DAYS_AHEAD))


def _years_back() -> int:
    return int(os.environ.get(YEARS_BACK, DEFAULT_YEARS_BACK))
