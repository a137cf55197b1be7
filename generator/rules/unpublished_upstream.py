"""A dependency on a product that publishes no refresh events."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG209",
    "upstream publishes no refresh event",
    "The run would never be notified that the data has arrived.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for leaf in product.dependencies():
            upstream = mesh.products.get(leaf.product)
            if upstream and not upstream.refresh_event:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    leaf.pointer,
                    f'"{leaf.product}", whose publish.refresh_event is false',
                    "a product that publishes its refreshes",
                    f"Ask {upstream.owner} to remove publish.refresh_event: false.",
                )
