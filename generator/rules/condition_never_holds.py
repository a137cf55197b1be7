"""A condition that cannot hold on any day."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.availability import (
    culprits,
    cycles_of,
    held,
    leaf_dates,
    opening_dates,
    rhythm,
    spoken,
    timings,
)
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Condition, Dependency, Product
from headgate.generator.model.schedule import ALL_DATES

RULE = Rule(
    "HG204", "condition can never hold", "Every run would wait until its deadline and then end as on_deadline says."
)


def check(mesh: Mesh) -> Iterator[Finding]:
    known = timings(mesh)
    for product in mesh.products.values():
        if product.depends_on is None:
            continue
        yield from _statuses(mesh, product, product.depends_on, {})
        yield from _cycles(mesh, product)
        timing = known[product.id]
        wanted = opening_dates(product, known) or (0 if timing.firings else ALL_DATES)
        if not wanted:
            continue

        def dates(leaf: Dependency, wanted: int = wanted, product: Product = product) -> int:
            return leaf_dates(leaf, wanted, mesh.calendar_of(product), known)

        if held(product.depends_on, dates):
            continue
        for node in culprits(product.depends_on, dates, lambda mask: mask == 0):
            yield Finding(RULE, mesh.file(product), node.pointer, _found(mesh, product, node), *_way_out(node))


def _found(mesh: Mesh, product: Product, node: Condition | Dependency) -> str:
    if isinstance(node, Dependency):
        upstream = mesh.products[node.product]
        return (
            f'"{node.product}" is refreshed {rhythm(upstream.schedule)}, {product.id} opens {rhythm(product.schedule)}'
        )
    return f"{spoken(node)} are never refreshed for the same business date"


def _way_out(node: Condition | Dependency) -> tuple[str, str]:
    hint = "Give `max_age` to accept the latest refresh, or `offset` to name another date."
    return "business dates that meet at least once", hint if isinstance(
        node, Dependency
    ) else "Give `max_age` to the slower ones."


def _statuses(
    mesh: Mesh, product: Product, node: Condition, seen: dict[tuple[str, int, str], Dependency]
) -> Iterator[Finding]:
    """One run of an upstream ends in one status, so two ends for one date exclude each other."""
    for member in node.members:
        if isinstance(member, Condition):
            inherit = member.operator == "all_of" or len(member.members) == 1
            yield from _statuses(mesh, product, member, seen if inherit and node.operator == "all_of" else dict(seen))
        elif member.max_age is None and member.cycle != "any" and (node.operator == "all_of" or seen):
            key = (member.product, member.offset, member.cycle)
            other = seen.get(key)
            if other is not None and not _ends(other) & _ends(member):
                found = f'"{member.product}" both {"/".join(other.statuses)} and {"/".join(member.statuses)} for the same date'
                yield Finding(
                    RULE,
                    mesh.file(product),
                    member.pointer,
                    found,
                    "one outcome of a run",
                    f"For either outcome write status: [{', '.join(sorted({*other.statuses, *member.statuses}))}]; for alternatives use any_of.",
                )
            elif node.operator == "all_of":
                seen[key] = member


def _ends(leaf: Dependency) -> set[str]:
    """The ends of a run that the dependency is compatible with. What has started ends in one of three ways."""
    return set(leaf.statuses) | ({"COMPLETED", "ERROR", "CANCELLED"} if "STARTED" in leaf.statuses else set())


def _cycles(mesh: Mesh, product: Product) -> Iterator[Finding]:
    for leaf in product.dependencies():
        if leaf.cycle.isdigit() and leaf.product in mesh.products.keys() - mesh.partial:
            upstream = mesh.products[leaf.product]
            times = cycles_of(upstream.schedule)
            if upstream.schedule and leaf.cycle not in times:
                found = f'cycle "{leaf.cycle}", but "{leaf.product}" is refreshed ' + (
                    "at " + ", ".join(times[:12]) + ("..." if len(times) > 12 else "") if times else "once a day"
                )
                expected = "one of its times" if times else "no cycle"
                yield Finding(RULE, mesh.file(product), f"{leaf.pointer}/cycle", found, expected)
