"""Cron expressions as EventBridge Scheduler reads them: minutes hours day-of-month month day-of-week year.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based. Days of the week count from
SUN = 1; one of the two day fields is `?`; `L`, `W` and `#` are allowed where the service allows them.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIRST_YEAR, LAST_YEAR = 1970, 2199


class CronError(ValueError):
    """The expression is not one EventBridge accepts; the message says which field and why."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression. `days_of_month` and `days_of_week` hold the plain days, the other fields the special forms."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days_of_month: frozenset[int]
    months: frozenset[int]
    days_of_week: frozenset[int]
    years: frozenset[int]
    last_days: frozenset[int]  # L-n: n days before the last of the month
    near_weekdays: frozenset[int]  # nW: the working day nearest to n; 0 is LW
    last_weekdays: frozenset[int]  # nL: the last such day of the week in the month
    nth_weekdays: frozenset[tuple[int, int]]  # n#k: the k-th such day of the week in the month

    @property
    def times(self) -> tuple[str, ...]:
        """The local times (`HHMM`) of one day's firings, in order."""
        return tuple(f"{hour:02}{minute:02}" for hour in self.hours for minute in self.minutes)

    def fires_on(self, day: date) -> bool:
        if day.month not in self.months or day.year not in self.years:
            return False
        weekday = day.isoweekday() % 7 + 1
        if day.day in self.days_of_month or weekday in self.days_of_week:
            return True
        if not (self.last_days or self.near_weekdays or self.last_weekdays or self.nth_weekdays):
            return False
        last = calendar.monthrange(day.year, day.month)[1]
        return (
            last - day.day in self.last_days
            or any(day.day == _near_weekday(day.year, day.month, target, last) for target in self.near_weekdays)
            or (weekday in self.last_weekdays and day.day + 7 > last)
            or (weekday, (day.day - 1) // 7 + 1) in self.nth_weekdays
        )


def _near_weekday(year: int, month: int, target: int, last: int) -> int:
    """The working day nearest to `target` within the month; 0 stands for the last working day. -1: no such day."""
    if target > last:
        return -1
    wanted = target or last
    weekday = date(year, month, wanted).isoweekday()
    if weekday == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 7:
        return wanted - 2 if target == 0 or wanted == last else wanted + 1
    return wanted


@cache
def parse(expression: str) -> Cron:
    """The parsed expression, with or without the `cron(...)` around it. Raises `CronError`."""
    text = expression.strip()
    if text.startswith("cron(") and text.endswith(")"):
        text = text[5:-1]
    fields = text.upper().split()
    if len(fields) != 6:
        hint = (
            " (five are Unix cron; EventBridge's has `?` in one of the day fields, and a year)"
            if len(fields) == 5
            else ""
        )
        raise CronError(f"{len(fields)} fields instead of six{hint}")
    minute, hour, month_day, month, week_day, year = fields
    if (month_day == "?") == (week_day == "?"):
        raise CronError("exactly one of day-of-month and day-of-week must be `?`")
    days, lasts, nears = _month_days(month_day)
    weekdays, last_weekdays, nths = _week_days(week_day)
    return Cron(
        minutes=tuple(sorted(_plain("minutes", minute, 0, 59))),
        hours=tuple(sorted(_plain("hours", hour, 0, 23))),
        days_of_month=days,
        months=_plain("month", month, 1, 12, MONTHS),
        days_of_week=weekdays,
        years=_plain("year", year, FIRST_YEAR, LAST_YEAR),
        last_days=lasts,
        near_weekdays=nears,
        last_weekdays=last_weekdays,
        nth_weekdays=nths,
    )


def _plain(field: str, text: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    return frozenset(value for item in text.split(",") for value in _item(field, item, low, high, names))


def _item(field: str, item: str, low: int, high: int, names: tuple[str, ...]) -> Iterator[int]:
    span, _, step_text = item.partition("/")
    step = 1
    if step_text or item.endswith("/"):
        if not step_text.isdigit() or int(step_text) < 1:
            raise CronError(f"{field}: `{item}` has no whole step after the slash")
        step = int(step_text)
    if span == "*":
        start, end = low, high
    elif "-" in span:
        first, _, second = span.partition("-")
        start, end = _number(field, first, low, high, names), _number(field, second, low, high, names)
        if start > end:
            raise CronError(f"{field}: `{span}` runs backwards")
    else:
        start = _number(field, span, low, high, names)
        end = high if step_text else start
    yield from range(start, end + 1, step)


def _number(field: str, text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + 1
    if not text.isdigit() or not low <= int(text) <= high:
        wanted = f"{low} to {high}" + (f" or {names[0]} to {names[-1]}" if names else "")
        raise CronError(f"{field}: `{text}` is not {wanted}")
    return int(text)


def _month_days(text: str) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    plain: set[int] = set()
    lasts: set[int] = set()
    nears: set[int] = set()
    for item in () if text == "?" else text.split(","):
        if item == "L":
            lasts.add(0)
        elif match := re.fullmatch(r"L-(\d+)", item):
            lasts.add(int(match[1]))
        elif item == "LW":
            nears.add(0)
        elif item.endswith("W"):
            nears.add(_number("day-of-month", item[:-1], 1, 31, ()))
        else:
            plain.update(_item("day-of-month", item, 1, 31, ()))
    return frozenset(plain), frozenset(lasts), frozenset(nears)


def _week_days(text: str) -> tuple[frozenset[int], frozenset[int], frozenset[tuple[int, int]]]:
    plain: set[int] = set()
    lasts: set[int] = set()
    nths: set[tuple[int, int]] = set()
    for item in () if text == "?" else text.split(","):
        if item == "L":
            plain.add(7)
        elif item.endswith("L") and item[:-1]:
            lasts.add(_number("day-of-week", item[:-1], 1, 7, DAYS))
        elif "#" in item:
            day, _, nth = item.partition("#")
            nths.add((_number("day-of-week", day, 1, 7, DAYS), _number("day-of-week", nth, 1, 5, ())))
        else:
            plain.update(_item("day-of-week", item, 1, 7, DAYS))
    return frozenset(plain), frozenset(lasts), frozenset(nths)
