"""A dependency on a product whose events stay in another domain."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG205",
    "upstream is visible in its domain only",
    "Its events never reach another domain's bus, so the run would wait until its deadline.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for leaf in product.dependencies():
            upstream = mesh.products.get(leaf.product)
            if upstream and upstream.visibility == "domain" and upstream.domain != product.domain:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    leaf.pointer,
                    f'"{leaf.product}", whose publish.visibility is domain',
                    f"a product of {product.domain}, or one with visibility: mesh",
                    f"Ask {upstream.owner} to set publish.visibility to mesh.",
                )
