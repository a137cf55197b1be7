"""An SLA without a schedule."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG304",
    "sla without schedule",
    "A product that is opened by events has no due date, so it cannot be late.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.complete_by and product.schedule is None:
            yield Finding(
                RULE,
                mesh.file(product),
                "/sla",
                f'complete_by "{product.complete_by}" and no schedule',
                "a schedule",
                "Add `schedule:`; runs then open by it, and events still release them.",
            )
