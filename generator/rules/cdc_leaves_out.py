"""Change data capture that would go on without a file."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG717",
    "change data capture that accepts missing files",
    "Files behind one that was left out wait for it, so no number of them can be accepted.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.files is None or not product.files.in_order:
            continue
        for step in product.steps():
            for kind, share in step.settings.get("batches", {}).get("accept", {}).items():
                if float(str(share).rstrip("%")) > 0:
                    yield Finding(
                        RULE,
                        mesh.file(product),
                        f"{step.section}/batches/accept/{kind}",
                        f"{share}, and `load: cdc`",
                        "0",
                        "Leave out `accept`. An operator lets a lane go on without a file by `headgate files ignore`.",
                    )
