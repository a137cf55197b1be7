"""A notification to an owner without receivers."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule("HG505", "no receivers", "A notification to an owner who has no receivers notifies nobody.")  # fmt: skip


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for index, each in enumerate(product.notify):
            if not each.channels:
                yield Finding(
                    RULE, mesh.file(product), f"/notify/{index}/to", f"to: owner, and {product.owner} has no receivers", "receivers in alerts",
                    f"Add slack: [...] or alerts: {{owners: {{{product.owner}: {{slack: [...]}}}}}} to the defaults of the domain.",
                )  # fmt: skip
