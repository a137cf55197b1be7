"""Schedules of other systems as `schedule` of a product."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from headgate.generator.model.cron import DAYS, CronError, parse
from headgate.generator.model.unix_cron import converted

PRESETS = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip
_STATED = re.compile(
    r"(?P<frequency>daily|weekdays|weekly (?P<week_day>MON|TUE|WED|THU|FRI|SAT|SUN)|monthly (?P<day>[1-9]|[12][0-9]|3[01]|last)) "
    r"(?P<time>([01][0-9]|2[0-3]):[0-5][0-9])( (?P<zone>[A-Za-z0-9_+/-]+))?"
)
FORMS = "daily 06:00, weekdays 06:00 Europe/Berlin, weekly MON 06:00, monthly last 06:00, or cron(0 6 * * ? *)"


def stated(text: str) -> dict[str, Any]:
    """The schedule that somebody wrote in a line, in one of `FORMS`. Raises ValueError."""
    words = text.strip()
    if words.startswith("cron("):
        expression, _, zone = words.partition(")")
        return from_eventbridge(f"{expression})", zone.strip() or "UTC")
    match = _STATED.fullmatch(words)
    if match is None:
        raise ValueError(f"expected {FORMS}")
    made: dict[str, Any] = {"frequency": match["frequency"].partition(" ")[0]}
    if match["week_day"] or match["day"]:
        made["day"] = match["week_day"] or (match["day"] if match["day"] == "last" else int(match["day"]))
    return _in_zone({**made, "time": match["time"]}, match["zone"] or "UTC")


def from_unix(expression: str, zone: str) -> dict[str, Any]:
    """The schedule of a Unix cron expression or of a preset such as `@daily`. Raises ValueError for one that a single expression of
    EventBridge cannot say."""
    forms = converted(PRESETS.get(expression.strip().lower(), expression))
    if len(forms) != 1:
        why = (
            "days of the month and days of the week at once, which are two schedules"
            if forms
            else "no cron expression of five fields"
        )
        raise ValueError(why)  # fmt: skip
    return from_eventbridge(forms[0], zone)


def from_eventbridge(expression: str, zone: str) -> dict[str, Any]:
    """The schedule of an expression of six fields, with or without `cron(...)`: by frequency where that says the same. Raises ValueError."""
    text = expression.strip()
    text = text[5:-1] if text.startswith("cron(") and text.endswith(")") else text
    try:
        cron = parse(text)
    except CronError as error:
        raise ValueError(str(error)) from None
    _, _, month_day, month, week_day, year = text.upper().split()
    if len(cron.times) == 1 and (month, year) == ("*", "*"):
        time = f"{cron.times[0][:2]}:{cron.times[0][2:]}"
        frequency = _frequency(month_day, week_day)
        if frequency:
            return _in_zone({**frequency, "time": time}, zone)
    return _in_zone({"cron": " ".join(text.upper().split())}, zone)


def cycles(schedule: dict[str, Any]) -> bool:
    """Whether it opens several runs a day."""
    return "cron" in schedule and len(parse(schedule["cron"]).times) > 1


def _frequency(month_day: str, week_day: str) -> dict[str, Any] | None:
    if (month_day in "*?" and week_day in "*?") or week_day in ("SUN-SAT", "1-7"):
        return {"frequency": "daily"}
    if week_day in ("MON-FRI", "2-6"):
        return {"frequency": "weekdays"}
    if week_day in DAYS:
        return {"frequency": "weekly", "day": week_day}
    if month_day == "L":
        return {"frequency": "monthly", "day": "last"}
    if month_day.isdigit():
        return {"frequency": "monthly", "day": int(month_day)}
    return None


def _in_zone(schedule: dict[str, Any], zone: str) -> dict[str, Any]:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"the time zone {zone}, which does not exist") from None
    return schedule if zone in ("UTC", "Etc/UTC") else {**schedule, "timezone": zone}
