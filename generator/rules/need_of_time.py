"""A consumer that needs its upstream earlier than the upstream promises."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.availability import Timing, needed_date, opening_dates, timings
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency, Needs, Product, Sla
from headgate.generator.model.schedule import bits
from headgate.generator.rules.sla_too_early import Promise, due
from headgate.generator.rules.timezone import exists

RULE = Rule(
    "HG730",
    "a consumer needs it earlier than it is promised",
    "The producer keeps its SLA and the consumer is late nevertheless.",
)
DEFAULT_ZONE = "UTC"


def check(mesh: Mesh) -> Iterator[Finding]:
    known = timings(mesh)
    for product in mesh.products.values():
        for leaf in product.dependencies():
            upstream = mesh.products.get(leaf.product)
            if not (leaf.needs and leaf.needs.by) or upstream is None or leaf.product in mesh.partial:
                continue
            zone = _zone(product, leaf.needs)
            if exists(zone) and not _in_time(product, leaf, zone, upstream, known):
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{leaf.pointer}/needs/by",
                    f'"{leaf.needs.by}" {zone}, but {upstream.id} promises {_promised(upstream)} ({mesh.file(upstream)})',
                    "a time that is not before the SLA of the upstream",
                    f"Ask {upstream.owner} for an earlier sla.complete_by, or need it later.",
                )


def _zone(product: Product, needs: Needs) -> str:
    return (
        needs.timezone or product.sla_timezone or (product.schedule.timezone if product.schedule else None) or DEFAULT_ZONE
    )  # fmt: skip


def _promised(upstream: Product) -> str:
    if upstream.sla is None or upstream.sla.complete_by is None:
        return "no time of day"
    return f'"{upstream.sla.complete_by}" {upstream.sla_timezone}'


def _in_time(product: Product, leaf: Dependency, zone: str, upstream: Product, known: dict[str, Timing]) -> bool:
    """Whether the upstream promises it by then for every business date for which both open."""
    if upstream.sla is None or upstream.sla.complete_by is None or leaf.needs is None:
        return False
    if not (upstream.sla_timezone and exists(upstream.sla_timezone)):
        return True  # another rule reports that
    own, theirs = known[product.id], known[upstream.id]
    if (product.schedule and own.firings is None) or (upstream.schedule and theirs.firings is None):
        return True  # another rule reports that
    need = Promise(Sla(leaf.needs.by, zone, None, None), zone, product.schedule, own.calendar)
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
