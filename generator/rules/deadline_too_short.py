"""A deadline that passes before the upstream opens its run."""

from collections.abc import Iterator
from functools import cache

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.availability import culprits, held, needed_date, spoken, timings
from headgate.generator.model.cron import parse
from headgate.generator.model.duration import spoken as spoken_duration
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency, Product
from headgate.generator.model.schedule import Calendar, Firings, Schedule, bits, firings

RULE = Rule(
    "HG207",
    "deadline before the upstream opens",
    "The deadline passes before the data can have arrived, on every date.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    known = timings(mesh)
    for product in mesh.products.values():
        timing = known[product.id]
        if product.depends_on is None or timing.firings is None or not timing.firings.dates:
            continue
        consumer, calendar = timing.firings, timing.calendar

        def in_time(
            leaf: Dependency,
            product: Product = product,
            consumer: Firings = consumer,
            calendar: Calendar | None = calendar,
        ) -> int:
            upstream = known.get(leaf.product)
            if leaf.max_age or upstream is None or upstream.firings is None:
                return consumer.dates
            assert product.schedule is not None
            schedule = mesh.products[leaf.product].schedule
            assert schedule is not None
            # an intraday consumer has several openings a day; the last one leaves the most time
            return _in_time(
                product.schedule, calendar, schedule, upstream.calendar, leaf.offset, leaf.cycle, product.deadline
            )

        if held(product.depends_on, in_time):
            continue
        for node in culprits(product.depends_on, in_time, lambda mask: mask == 0):
            late = _lateness(node, product, mesh, consumer, calendar) if isinstance(node, Dependency) else ""
            yield Finding(
                RULE,
                mesh.file(product),
                "/wait/deadline",
                f"{spoken_duration(product.deadline)}, but {spoken(node)} opens {late or 'later than that'}",
                "a deadline that leaves the upstream time to open and finish",
                "Lengthen wait.deadline, open the run later, or use `offset: -1` for the refresh of the business day before.",
            )


@cache
def _in_time(
    consumer: Schedule,
    calendar: Calendar | None,
    upstream: Schedule,
    upstream_calendar: Calendar | None,
    offset: int,
    cycle: str,
    deadline: int,
) -> int:
    opens, result = firings(upstream, upstream_calendar).openings, 0
    for bit, (_, last) in firings(consumer, calendar).openings.items():
        needed = opens.get(needed_date(bit, offset, calendar))
        if needed is None or earliest(needed, cycle, upstream) <= last + deadline // 60:
            result |= 1 << bit
    return result


def earliest(opening: tuple[int, int], cycle: str, schedule: Schedule) -> int:
    """When the refresh that `cycle` asks for can begin at the earliest."""
    if cycle == "any":
        return opening[0]
    if cycle.isdigit():
        first = parse(schedule.cron).times[0]
        return opening[0] + (int(cycle[:2]) - int(first[:2])) * 60 + int(cycle[2:]) - int(first[2:])
    return opening[1]


def _lateness(leaf: Dependency, product: Product, mesh: Mesh, consumer: Firings, calendar: Calendar | None) -> str:
    upstream = mesh.products[leaf.product]
    if upstream.schedule is None:
        return ""
    opens = firings(upstream.schedule, mesh.calendar_of(upstream)).openings
    for bit in bits(consumer.dates):
        needed = opens.get(needed_date(bit, leaf.offset, calendar))
        if needed is not None:
            return f"{spoken_duration((earliest(needed, leaf.cycle, upstream.schedule) - consumer.openings[bit][1]) * 60)} after {product.id} does"
    return ""
