"""A notification about LATE or AT_RISK for a product without an SLA."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule("HG503", "LATE without sla", "A product without an SLA is never late, nor at risk.", Severity.WARNING)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.sla is None:
            for index, each in enumerate(product.notify):
                if asked := [kind for kind in ("LATE", "AT_RISK") if kind in each.on]:
                    yield Finding(
                        RULE,
                        mesh.file(product),
                        f"/notify/{index}/on",
                        f"{' and '.join(asked)}, and no sla",
                        "an sla",
                        'Add sla: {complete_by: "08:00"}.',
                    )
