"""When a product opens its runs, and for which business dates."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from headgate.generator.model.cron import parse

# A fixed span, so that findings do not depend on the current date. It contains a leap day.
HORIZON_START = date(2027, 1, 1)
HORIZON_DAYS = 731
ALL_DATES = (1 << HORIZON_DAYS) - 1


@dataclass(frozen=True, slots=True)
class Calendar:
    """Dates without business. `weekend` holds ISO weekdays (MON = 1)."""

    name: str
    weekend: frozenset[int]
    dates: frozenset[date]

    def is_business_day(self, day: date) -> bool:
        return day.isoweekday() not in self.weekend and day not in self.dates


@dataclass(frozen=True, slots=True)
class Schedule:
    """`cron` has six fields, whatever the metadata said; `date_offset` counts business days; `calendar` is a name."""

    cron: str
    timezone: str = "UTC"
    date_offset: int = 0
    calendar: str | None = None

    @property
    def cycles(self) -> tuple[str, ...]:
        """The local firing times of a day where there are several; empty for one a day. Raises `CronError`."""
        times = parse(self.cron).times
        return times if len(times) > 1 else ()


def cron_of(document: dict[str, Any]) -> str:
    """The cron expression of a `schedule` section, its fields parted by single spaces."""
    if "cron" in document:
        text = document["cron"].strip()
        return " ".join((text[5:-1] if text.startswith("cron(") and text.endswith(")") else text).upper().split())
    hour, minute = document["time"].split(":")
    at = f"{int(minute)} {int(hour)}"
    match document["frequency"]:
        case "daily":
            return f"{at} * * ? *"
        case "weekdays":
            return f"{at} ? * MON-FRI *"
        case "weekly":
            return f"{at} ? * {document['day']} *"
    return f"{at} {'L' if document['day'] == 'last' else document['day']} * ? *"


def shift(day: date, business_days: int, calendar: Calendar | None) -> date:
    """`day` moved by that many business days; 0 leaves it where it is. Without a calendar every day is one."""
    if calendar is None:
        return day + timedelta(days=business_days)
    step = timedelta(days=1 if business_days > 0 else -1)
    left = abs(business_days)
    while left:
        day += step
        left -= calendar.is_business_day(day)
    return day


@dataclass(frozen=True, slots=True)
class Firings:
    """The openings of a schedule within the horizon: business dates as a bit mask (bit 0 = HORIZON_START) and, for each
    business date, the first and last opening as minutes since the horizon's start in UTC."""

    dates: int
    openings: dict[int, tuple[int, int]]


@cache
def firings(schedule: Schedule, calendar: Calendar | None) -> Firings:
    """Raises `CronError` and `zoneinfo.ZoneInfoNotFoundError`."""
    cron = parse(schedule.cron)
    zone = ZoneInfo(schedule.timezone)
    start = datetime.combine(HORIZON_START, time(), UTC)
    first, last = (time(int(each[:2]), int(each[2:])) for each in (cron.times[0], cron.times[-1]))
    mask, openings = 0, {}
    for index in range(-7, HORIZON_DAYS + 7):  # offsets may carry a business date across the edge
        day = HORIZON_START + timedelta(days=index)
        if not cron.fires_on(day) or (calendar and not calendar.is_business_day(day)):
            continue
        bit = (shift(day, schedule.date_offset, calendar) - HORIZON_START).days
        if 0 <= bit < HORIZON_DAYS:
            mask |= 1 << bit
            openings[bit] = (_minutes(day, first, zone, start), _minutes(day, last, zone, start))
    return Firings(mask, openings)


def _minutes(day: date, at: time, zone: ZoneInfo, start: datetime) -> int:
    return int((datetime.combine(day, at, zone) - start).total_seconds() // 60)


def ever_fires(schedule: Schedule) -> bool:
    """Whether a cron that is silent in the horizon fires at all in a hundred years."""
    cron = parse(schedule.cron)
    return any(cron.fires_on(HORIZON_START + timedelta(days=index)) for index in range(-366, 36525))


def bits(mask: int) -> list[int]:
    """The positions of the bits that are set."""
    text = bin(mask)[:1:-1]
    return [index for index, bit in enumerate(text) if bit == "1"]


def as_date(bit: int) -> date:
    return HORIZON_START + timedelta(days=bit)
