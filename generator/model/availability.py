"""The business dates on which a condition can hold, from the schedules of its dependencies.

A set of dates is a bit mask over the horizon of `schedule`, so that `all_of` is `&` and `any_of` is `|`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfoNotFoundError

from headgate.generator.model.cron import CronError, parse
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Condition, Dependency, Product
from headgate.generator.model.schedule import (
    ALL_DATES,
    HORIZON_DAYS,
    HORIZON_START,
    Calendar,
    Firings,
    Schedule,
    bits,
    firings,
    shift,
)

Node = Condition | Dependency
EDGE = 40  # days; more than an offset or the age of a refresh usually spans
INNER_DATES = (ALL_DATES >> 2 * EDGE) << EDGE


@cache
def known_firings(schedule: Schedule | None, calendar: Calendar | None) -> Firings | None:
    """The openings; None without a schedule, or where it is wrong (another rule reports that)."""
    if schedule is None or (schedule.calendar and calendar is None):
        return None
    try:
        return firings(schedule, calendar)
    except (CronError, ZoneInfoNotFoundError, ValueError, OSError):
        return None


@dataclass(frozen=True)
class Timing:
    """A product's openings; `dates` is what it refreshes, ALL_DATES where nothing is known."""

    firings: Firings | None
    calendar: Calendar | None
    dates: int


@lru_cache(maxsize=1)  # several rules ask about the same mesh
def timings(mesh: Mesh) -> dict[str, Timing]:
    """For every product the dates it refreshes: its schedule's, or, opened by events, those its condition can hold on."""
    found: dict[str, Timing] = {}
    waiting: list[Product] = []
    for key, product in mesh.products.items():
        calendar = mesh.calendar_of(product)
        opening = None if key in mesh.partial else known_firings(product.schedule, calendar)
        if opening is not None or product.schedule or product.depends_on is None or key in mesh.partial:
            found[key] = Timing(opening, calendar, opening.dates if opening else ALL_DATES)
        else:
            waiting.append(product)
    while waiting:  # upstream first; what remains is part of a cycle, and nothing is known about it
        ready: list[Product] = []
        rest: list[Product] = []
        for product in waiting:
            known = all(name in found or name not in mesh.products for name in mesh.upstream[product.id])
            (ready if known else rest).append(product)
        if not ready:
            found.update((each.id, Timing(None, None, ALL_DATES)) for each in rest)
            break
        for product in ready:
            assert product.depends_on is not None
            dates = held(product.depends_on, lambda leaf: leaf_dates(leaf, ALL_DATES, None, found))
            opened = [_opened_by(leaf, found) for leaf in product.dependencies()]
            if None not in opened and product.files is None:  # a file may open a run of any date
                dates &= union(each or 0 for each in opened)
            found[product.id] = Timing(None, None, dates or ALL_DATES)
        waiting = rest
    return found


def openers(product: Product) -> tuple[Dependency, ...]:
    """The dependencies whose refreshes open a run of a product without a schedule: those of the latest date, or all where none has a date
    (`opened_by_events` of the state decides the same)."""
    leaves = product.dependencies()
    latest = max((leaf.offset for leaf in leaves if leaf.max_age is None), default=None)
    return tuple(leaf for leaf in leaves if latest is None or (leaf.max_age is None and leaf.offset == latest))


def opening_dates(product: Product, known: dict[str, Timing]) -> int:
    """The dates for which runs of the product are opened, as far as it is known: by its schedule, or by refreshes of its upstream products. Of
    those the first and the last weeks are left out, since what the upstream products refresh before and after the horizon is not known."""
    firings = known[product.id].firings
    if firings is not None or product.schedule:
        return firings.dates if firings else 0
    return INNER_DATES & union(_opened_by(leaf, known) or 0 for leaf in openers(product))


def _opened_by(leaf: Dependency, known: dict[str, Timing]) -> int | None:
    """The dates for which the refreshes of the upstream open runs of a product without a schedule; None where nothing is known."""
    upstream = known.get(leaf.product)
    if upstream is None or (upstream.firings is None and upstream.dates == ALL_DATES):
        return None
    return upstream.dates if leaf.max_age is not None else _matching(upstream.dates, ALL_DATES, leaf.offset, None, None)


def union(masks: Iterable[int]) -> int:
    result = 0
    for mask in masks:
        result |= mask
    return result


def held(node: Node, dates: Callable[[Dependency], int]) -> int:
    """The dates on which the condition can hold, when each leaf can on `dates(leaf)`."""
    if isinstance(node, Dependency):
        return dates(node)
    masks = [held(member, dates) for member in node.members]
    result = masks[0]
    for mask in masks[1:]:
        result = result & mask if node.operator == "all_of" else result | mask
    return result


def leaf_dates(leaf: Dependency, wanted: int, calendar: Calendar | None, known: dict[str, Timing]) -> int:
    """Those of the `wanted` business dates on which the upstream is refreshed as the dependency asks."""
    upstream = known.get(leaf.product)
    if upstream is None or upstream.dates == ALL_DATES:
        return wanted
    return _matching(upstream.dates, wanted, leaf.offset, leaf.max_age, calendar)


@cache
def _matching(upstream: int, wanted: int, offset: int, max_age: int | None, calendar: Calendar | None) -> int:
    if max_age is not None:
        near, span = upstream, 1
        days = min(max_age // 86400 + 1, HORIZON_DAYS)  # a day more, since an age is counted in hours
        while span <= days:
            step = min(span, days + 1 - span)
            near |= near << step
            span += step
        return wanted & (near | ((1 << min(days + 7, HORIZON_DAYS)) - 1))  # what came before the horizon is not known
    if calendar is None:
        edge = ALL_DATES ^ (ALL_DATES >> offset) if offset > 0 else (1 << -offset) - 1
        moved = upstream >> offset if offset >= 0 else upstream << -offset
        return wanted & (moved | edge)
    result = 0
    for bit in bits(wanted):
        needed = needed_date(bit, offset, calendar)
        if not 0 <= needed < HORIZON_DAYS or upstream >> needed & 1:
            result |= 1 << bit
    return result


def needed_date(bit: int, offset: int, calendar: Calendar | None) -> int:
    """The position of the date that lies `offset` business days from the one at `bit`."""
    if calendar is None:
        return bit + offset
    return (shift(HORIZON_START + timedelta(days=bit), offset, calendar) - HORIZON_START).days


def culprits(node: Node, dates: Callable[[Dependency], int], wrong: Callable[[int], bool]) -> list[Node]:
    """The smallest parts of the condition that explain why its dates are wrong."""
    if isinstance(node, Condition) and node.operator == "all_of":
        guilty = [member for member in node.members if wrong(held(member, dates))]
        if guilty:
            return [each for member in guilty for each in culprits(member, dates, wrong)]
    if isinstance(node, Condition) and len(node.members) == 1:
        return culprits(node.members[0], dates, wrong)
    return [node]


def spoken(node: Node) -> str:
    """The condition in words: `"raw/rd1"`, `any of "raw/rd7", "raw/rd8"`."""
    if isinstance(node, Dependency):
        return f'"{node.product}"'
    return ("all of " if node.operator == "all_of" else "any of ") + ", ".join(spoken(each) for each in node.members)


def cycles_of(schedule: Schedule | None) -> tuple[str, ...]:
    """The local times at which a day's refreshes are opened, where a day has several; empty also when unknown."""
    try:
        return schedule.cycles if schedule else ()
    except CronError:
        return ()


def rhythm(schedule: Schedule | None) -> str:
    """A schedule in words, for messages."""
    if schedule is None:
        return "by events"
    try:
        cron = parse(schedule.cron)
    except CronError:
        return f"by cron {schedule.cron}"
    at = f" at {cron.times[0][:2]}:{cron.times[0][2:]} {schedule.timezone}"
    days = f" on business days of {schedule.calendar}" if schedule.calendar else ""
    parts = schedule.cron.split()
    if len(cron.times) > 1:
        return f"by cron {schedule.cron} {schedule.timezone}{days}"
    if parts[2:] in (["*", "*", "?", "*"], ["?", "*", "*", "*"]):
        return "daily" + at + days
    if parts[2:4] == ["?", "*"] and parts[5] == "*":
        return f"on {parts[4]}{at}{days}"
    if parts[3:] == ["*", "?", "*"]:
        return f"monthly on {'the last day' if parts[2] == 'L' else 'day ' + parts[2]}{at}{days}"
    return f"by cron {schedule.cron} {schedule.timezone}{days}"
