"""An SLA that is due before the upstream opens its run."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.availability import culprits, held, needed_date, rhythm, spoken, timings
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Condition, Dependency, Product
from headgate.generator.model.schedule import HORIZON_START, Calendar, Firings, Schedule, firings
from headgate.generator.rules.deadline_too_short import earliest

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
        if not (product.complete_by and product.depends_on and product.schedule) or timing.firings is None:
            continue
        opens: Firings = timing.firings

        def in_time(leaf: Dependency, product: Product = product, opens: Firings = opens) -> int:
            upstream = known.get(leaf.product)
            if leaf.max_age or upstream is None or upstream.firings is None:
                return opens.dates
            schedule = mesh.products[leaf.product].schedule
            assert product.schedule
            assert product.complete_by
            assert schedule
            calendar = mesh.calendar_of(product)
            given = (product.schedule, calendar, product.complete_by, schedule, upstream.calendar)
            return _in_time(*given, leaf.offset, leaf.cycle)

        if not opens.dates or held(product.depends_on, in_time):
            continue
        for node in culprits(product.depends_on, in_time, lambda mask: mask == 0):
            yield Finding(
                RULE,
                mesh.file(product),
                "/sla/complete_by",
                f'"{product.complete_by}" {product.schedule.timezone}, but {spoken(node)} opens {_rhythm(mesh, node)}',
                "a time after the upstream opens its run",
                "Set a later time, or open the run later: a time before the opening means the next day.",
            )


def _rhythm(mesh: Mesh, node: Condition | Dependency) -> str:
    return rhythm(mesh.products[node.product].schedule) if isinstance(node, Dependency) else "later"


@cache
def _in_time(
    consumer: Schedule,
    calendar: Calendar | None,
    complete_by: str,
    upstream: Schedule,
    upstream_calendar: Calendar | None,
    offset: int,
    cycle: str,
) -> int:
    """The business dates on which the upstream opens before the SLA is due."""
    opens, result = firings(upstream, upstream_calendar).openings, 0
    zone, due_time = ZoneInfo(consumer.timezone), time.fromisoformat(complete_by)
    for bit, (_, last) in firings(consumer, calendar).openings.items():
        needed = opens.get(needed_date(bit, offset, calendar))
        if needed is None or earliest(needed, cycle, upstream) < _due(last, due_time, zone):
            result |= 1 << bit
    return result


def _due(opening: int, at: time, zone: ZoneInfo) -> int:
    """When the SLA of a run is due, in minutes as the openings are: at this local time, the next day if that is before the opening."""
    start = datetime.combine(HORIZON_START, time(), UTC)
    opened = start + timedelta(minutes=opening)
    today = datetime.combine(opened.astimezone(zone).date(), at, zone)
    due = today if today >= opened else datetime.combine(today.date() + timedelta(days=1), at, zone)
    return int((due - start).total_seconds() // 60)
