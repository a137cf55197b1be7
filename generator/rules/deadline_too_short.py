"""A deadline that passes before the upstream opens its run."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.availability import Timing, culprits, held, needed_date, openers, spoken, timings, union
from headgate.generator.model.cron import parse
from headgate.generator.model.duration import spoken as spoken_duration
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency, Product
from headgate.generator.model.schedule import HORIZON_DAYS, Calendar, Schedule, firings

Openings = dict[int, tuple[int, int]]  # of each business date the first and the last, in minutes
RULE = Rule(
    "HG207",
    "deadline before the upstream opens",
    "The deadline passes before the data can have arrived, on every date.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    known = timings(mesh)
    for product in mesh.products.values():
        timing = known[product.id]
        if product.depends_on is None:
            continue
        opens = timing.firings.openings if timing.firings else _openings_by_events(product, mesh, known)
        if not opens:
            continue
        dates = union(1 << bit for bit in opens)

        def in_time(
            leaf: Dependency,
            product: Product = product,
            timing: Timing = timing,
            opens: Openings = opens,
            dates: int = dates,
        ) -> int:
            upstream = known.get(leaf.product)
            if leaf.max_age or upstream is None or upstream.firings is None:
                return dates
            schedule = mesh.products[leaf.product].schedule
            assert schedule is not None
            # an intraday consumer has several openings a day; the last one leaves the most time
            needed = Needed(schedule, upstream.calendar, leaf.offset, leaf.cycle, product.deadline)
            if product.schedule is not None:
                return _in_time(product.schedule, timing.calendar, needed)
            return _met(opens, None, needed)

        if held(product.depends_on, in_time):
            continue
        for node in culprits(product.depends_on, in_time, lambda mask: mask == 0):
            late = _lateness(node, product, mesh, opens) if isinstance(node, Dependency) else ""
            later = "open the run later" if product.schedule else "give it a schedule that opens the run later"
            yield Finding(
                RULE,
                mesh.file(product),
                "/wait/deadline",
                f"{spoken_duration(product.deadline)}, but {spoken(node)} opens {late or 'later than that'}",
                "a deadline that leaves the upstream time to open and finish",
                f"Lengthen wait.deadline, {later}, or use `offset: -1` for the refresh of the business day before.",
            )


def _openings_by_events(product: Product, mesh: Mesh, known: dict[str, Timing]) -> Openings:
    """The openings of a product without a schedule: of each date, when the first upstream that opens the run opens its own."""
    found: dict[int, tuple[int, int]] = {}
    if product.files:  # its first file may open the run at any time
        return found
    for leaf in openers(product) if product.schedule is None else ():
        upstream = known.get(leaf.product)
        schedule = mesh.products[leaf.product].schedule if leaf.product in mesh.products else None
        if upstream is None or upstream.firings is None or schedule is None:
            continue
        offset = 0 if leaf.max_age else leaf.offset
        for bit, opening in upstream.firings.openings.items():
            at = opening[0] if leaf.cycle == "every" else earliest(opening, leaf.cycle, schedule)
            if 0 <= bit - offset < HORIZON_DAYS:
                first = min(at, found.get(bit - offset, (at, at))[0])
                found[bit - offset] = (first, first)
    return found


@dataclass(frozen=True, slots=True)
class Needed:
    """A refresh that a run waits for, `deadline` seconds long: of the upstream's schedule and calendar."""

    schedule: Schedule
    calendar: Calendar | None
    offset: int
    cycle: str
    deadline: int


@cache
def _in_time(consumer: Schedule, calendar: Calendar | None, needed: Needed) -> int:
    return _met(firings(consumer, calendar).openings, calendar, needed)


def _met(consumer: Openings, calendar: Calendar | None, needed: Needed) -> int:
    """The dates on which the upstream opens before the deadline of the consumer's opening."""
    opens, result = firings(needed.schedule, needed.calendar).openings, 0
    for bit, (_, last) in consumer.items():
        opening = opens.get(needed_date(bit, needed.offset, calendar))
        if opening is None or earliest(opening, needed.cycle, needed.schedule) <= last + needed.deadline // 60:
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


def _lateness(leaf: Dependency, product: Product, mesh: Mesh, consumer: Openings) -> str:
    upstream = mesh.products[leaf.product]
    if upstream.schedule is None:
        return ""
    opens = firings(upstream.schedule, mesh.calendar_of(upstream)).openings
    for bit in sorted(consumer):
        needed = opens.get(needed_date(bit, leaf.offset, mesh.calendar_of(product)))
        if needed is not None:
            return f"{spoken_duration((earliest(needed, leaf.cycle, upstream.schedule) - consumer[bit][1]) * 60)} after {product.id} does"
    return ""
