"""An SLA that is due before the upstream opens its run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.availability import culprits, held, needed_date, opening_dates, rhythm, spoken, timings
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Condition, Dependency, Sla
from headgate.generator.model.schedule import HORIZON_START, Calendar, Schedule, as_date, bits, firings
from headgate.generator.rules.deadline_too_short import earliest
from headgate.generator.rules.timezone import exists

RULE = Rule(
    "HG306",
    "sla before the upstream opens",
    "The SLA is missed on every date, and a LATE notification is sent on each.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    known = timings(mesh)
    for product in mesh.machines():
        timing = known[product.id]
        if not (product.sla and product.depends_on and product.sla_timezone and exists(product.sla_timezone)) or (
            product.schedule and timing.firings is None
        ):
            continue
        dates = opening_dates(product, known)
        promise = Promise(product.sla, str(product.sla_timezone), product.schedule, timing.calendar)

        def in_time(leaf: Dependency, promise: Promise = promise, dates: int = dates) -> int:
            upstream = known.get(leaf.product)
            schedule = mesh.products[leaf.product].schedule if leaf.product in mesh.products else None
            if leaf.max_age or upstream is None or upstream.firings is None or schedule is None:
                return dates
            return _in_time(promise, dates, schedule, upstream.calendar, leaf.offset, leaf.cycle)

        if not dates or held(product.depends_on, in_time):
            continue
        for node in culprits(product.depends_on, in_time, lambda mask: mask == 0):
            later = (
                "open the run later: a time before the opening means the next day"
                if product.schedule
                else "add `days:`"
            )
            yield Finding(
                RULE,
                mesh.file(product),
                "/sla/complete_by",
                f'"{product.sla.complete_by}" {product.sla_timezone}, but {spoken(node)} opens {_rhythm(mesh, node)}',
                "a time after the upstream opens its run",
                f"Set a later time, or {later}.",
            )


def _rhythm(mesh: Mesh, node: Condition | Dependency) -> str:
    return rhythm(mesh.products[node.product].schedule) if isinstance(node, Dependency) else "later"


@dataclass(frozen=True, slots=True)
class Promise:
    """An SLA with a local time in the zone, and the schedule it counts from, if there is one."""

    sla: Sla
    zone: str
    schedule: Schedule | None
    calendar: Calendar | None


@cache
def _in_time(
    promise: Promise, dates: int, upstream: Schedule, upstream_calendar: Calendar | None, offset: int, cycle: str
) -> int:
    """Those of the business dates on which the upstream opens before the SLA is due."""
    opens, result = firings(upstream, upstream_calendar).openings, 0
    own = firings(promise.schedule, promise.calendar).openings if promise.schedule else {}
    for bit in bits(dates):
        needed = opens.get(needed_date(bit, offset, promise.calendar))
        if needed is None or earliest(needed, cycle, upstream) < due(bit, own[bit][1] if own else None, promise):
            result |= 1 << bit
    return result


def due(bit: int, opening: int | None, promise: Promise) -> int:
    """When the SLA of a business date is due, in minutes as the openings are (`sla_due` of the state decides the same)."""
    zone, start = ZoneInfo(promise.zone), datetime.combine(HORIZON_START, time(), UTC)
    at = time.fromisoformat(promise.sla.complete_by or "00:00")
    opened = None if opening is None else start + timedelta(minutes=opening)
    day = opened.astimezone(zone).date() if opened else as_date(bit)
    moment = datetime.combine(day, at, zone)
    days = promise.sla.days if promise.sla.days is not None else int(opened is not None and moment < opened)
    return int((datetime.combine(day + timedelta(days=days), at, zone) - start).total_seconds() // 60)
