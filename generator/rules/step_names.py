"""Two steps with the same name."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG401",
    "step name given twice",
    "The name of a state must be unique in a state machine.",
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
                    "a unique name",
                )
            seen[step.name] = step.pointer
