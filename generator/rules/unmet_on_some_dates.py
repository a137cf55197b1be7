"""A condition that cannot be met on some of the product's business dates."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.availability import culprits, held, leaf_dates, opening_dates, rhythm, spoken, timings
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency, Product
from headgate.generator.model.schedule import as_date, bits

RULE = Rule(
    "HG206",
    "condition is not met on some dates",
    "On dates without a refresh of the upstream, the run would wait until its deadline.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    known = timings(mesh)
    for product in mesh.products.values():
        if product.depends_on is None:
            continue
        wanted = opening_dates(product, known)

        def dates(leaf: Dependency, wanted: int = wanted, product: Product = product) -> int:
            return leaf_dates(leaf, wanted, mesh.calendar_of(product), known)

        holds = held(product.depends_on, dates)
        if not holds or holds == wanted:
            continue
        for node in culprits(product.depends_on, dates, lambda mask, wanted=wanted: mask != wanted):  # type: ignore[misc]
            missing = wanted & ~held(node, dates)
            example = as_date(bits(missing)[0])
            upstream = (
                rhythm(mesh.products[node.product].schedule) if isinstance(node, Dependency) else "on other dates"
            )
            yield Finding(
                RULE,
                mesh.file(product),
                node.pointer,
                f"{spoken(node)} is refreshed {upstream}, {product.id} opens {rhythm(product.schedule)}; "
                f"on {missing.bit_count()} of {wanted.bit_count()} dates the run would wait until its deadline, such as {example:%a %Y-%m-%d}",
                "an upstream that is refreshed for every business date",
                "Give `max_age` to accept the latest refresh (such as max_age: 8d for a weekly one).",
            )
