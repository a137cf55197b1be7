"""A consumer that needs its upstream earlier than the upstream promises."""

from collections.abc import Iterator
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.availability import Timing, needed_date, opening_dates, timings
from headgate.generator.model.contracts import Need, needs
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency, Product, Sla
from headgate.generator.model.schedule import bits
from headgate.generator.rules.sla_too_early import Promise, due
from headgate.generator.rules.timezone import exists

RULE = Rule(
    "HG730",
    "a consumer needs it earlier than it is promised",
    "The producer keeps its SLA and the consumer is late nevertheless.",
)
DEFAULT_ZONE = "UTC"
SEASONS = (date(2027, 1, 15), date(2027, 7, 15))  # zones differ by another hour in each


def check(mesh: Mesh) -> Iterator[Finding]:
    known = timings(mesh)
    for each in needs(mesh):
        zone = _zone(each)
        if each.needs.by and exists(zone) and not _in_time(each, each.needs.by, zone, known):
            yield Finding(
                RULE,
                each.file,
                f"{each.pointer}/by",
                f'"{each.needs.by}" {zone}, but {each.promise.name} promises {_promised(each)} ({each.promise.file})',
                "a time that is not before the SLA of the upstream",
                f"Ask {each.promise.owner} for an earlier sla.complete_by, or need it later.",
            )


def _zone(need: Need) -> str:
    own = need.product
    of_product = (own.sla_timezone or (own.schedule.timezone if own.schedule else None)) if own else None
    return need.needs.timezone or of_product or DEFAULT_ZONE


def _promised(need: Need) -> str:
    if need.promise.complete_by is None:
        return "no time of day"
    return f'"{need.promise.complete_by}" {need.promise.timezone or DEFAULT_ZONE}'


def _in_time(need: Need, by: str, zone: str, known: dict[str, Timing]) -> bool:
    promised = need.promise.complete_by
    if promised is None:
        return False
    if not exists(need.promise.timezone or DEFAULT_ZONE):
        return True  # another rule reports that
    if need.product and need.leaf and need.promise.product:
        return _on_every_date(need.product, need.leaf, by, zone, need.promise.product, known)
    theirs = need.promise.timezone or DEFAULT_ZONE
    return all(_at(day, promised, theirs) <= _at(day, by, zone) for day in SEASONS)


def _at(day: date, local: str, zone: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(local), ZoneInfo(zone))


def _on_every_date(
    product: Product, leaf: Dependency, by: str, zone: str, upstream: Product, known: dict[str, Timing]
) -> bool:
    """Whether the upstream promises it by then for every business date for which both open."""
    own, theirs = known[product.id], known[upstream.id]
    if (product.schedule and own.firings is None) or (upstream.schedule and theirs.firings is None) or not upstream.sla:
        return True  # another rule reports that
    need = Promise(Sla(by, zone, None, None), zone, product.schedule, own.calendar)
    promise = Promise(upstream.sla, str(upstream.sla_timezone), upstream.schedule, theirs.calendar)
    for bit in bits(opening_dates(product, known)):
        needed = needed_date(bit, leaf.offset, own.calendar)
        opening = theirs.firings.openings.get(needed) if theirs.firings else None
        if theirs.firings and opening is None:
            continue
        wanted = due(bit, own.firings.openings[bit][1] if own.firings else None, need)
        if due(needed, opening[1] if opening else None, promise) > wanted:
            return False
    return True
