"""Two steps of one name."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG401",
    "step name given twice",
    "Step Functions wants every state's name once in a machine, and so do the people who read it.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        seen: dict[str, str] = {}
        for step in product.steps():
            if step.name in seen:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{step.pointer}/name",
                    f'"{step.name}" a second time',
                    "a name of its own",
                )
            seen[step.name] = step.pointer
