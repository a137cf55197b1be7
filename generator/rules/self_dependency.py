"""A product that depends on itself."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.rules.cycle import waits_today

RULE = Rule("HG203", "product depends on itself", "The run waits for its own end.", partial=True)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for leaf in product.dependencies():
            if leaf.product == product.id and waits_today(product, leaf):
                yield Finding(
                    RULE,
                    mesh.file(product),
                    leaf.pointer,
                    f'"{leaf.product}" itself',
                    "another product",
                    "For the refresh of the business day before, write {product: " + leaf.product + ", offset: -1}.",
                )
