"""An incident that is never opened."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG502", "incident without ERROR", "An incident is opened for a failure, and this entry does not include ERROR."
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for index, each in enumerate(product.notify):
            if "incident" in dict(each.channels) and "ERROR" not in each.on:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"/notify/{index}/on",
                    f"[{', '.join(each.on)}]",
                    "a list with ERROR",
                    "Add ERROR, or remove `incident`.",
                )
