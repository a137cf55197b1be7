"""Unix cron expressions (five fields: minute hour day-of-month month day-of-week) in EventBridge's form (six).

Source: https://man7.org/linux/man-pages/man5/crontab.5.html. Days of the week count from SUN = 0 there, and 7 is Sunday too.
"""

import re

from headgate.generator.model.cron import DAYS, CronError, parse

_WEEK_DAY = re.compile(r"(\*|[0-7A-Z]+(?:-[0-7A-Z]+)?)(?:/([1-9][0-9]?))?")


def converted(expression: str) -> tuple[str, ...]:
    """The expression in EventBridge's form. Two, one for each kind of day, where both day fields are given: Unix fires on either.
    Empty for an expression that is not Unix cron."""
    fields = expression.upper().split()
    if len(fields) != 5:
        return ()
    minute, hour, month_day, month, week_day = fields
    try:
        days = _week_days(week_day)
        forms = []
        if month_day != "*" or week_day == "*":
            forms.append(f"{minute} {hour} {month_day} {month} ? *")
        if week_day != "*":
            forms.append(f"{minute} {hour} ? {month} {days} *")
        for each in forms:
            parse(each)
    except CronError:
        return ()
    return tuple(forms)


def _week_days(text: str) -> str:
    """The field by names of days: `1-5` is `MON-FRI`, `0,6` is `SUN,SAT`."""
    return ",".join(_item(item) for item in text.split(","))


def _item(text: str) -> str:
    match = _WEEK_DAY.fullmatch(text)
    if match is None:
        raise CronError(f"day-of-week: `{text}`")
    span, step = match.groups()
    first, _, second = ("0", "", "6") if span == "*" else span.partition("-")
    start = _number(first)
    end = _number(second) if second else 6 if step else start
    if step is None and start <= end <= 6:
        return DAYS[start] if start == end else f"{DAYS[start]}-{DAYS[end]}"
    return ",".join(DAYS[each % 7] for each in range(start, end + 1, int(step or 1)))


def _number(text: str) -> int:
    if text in DAYS:
        return DAYS.index(text)
    if not text.isdigit() or int(text) > 7:
        raise CronError(f"day-of-week: `{text}`")
    return int(text)
