"""A deadline that passes before a set of files can be complete."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.duration import spoken
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG711",
    "deadline before the files can be complete",
    "Every run would miss its deadline: the first file opens it, and the set is complete `settle` after the last.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.machines():
        if product.files and product.schedule is None and product.deadline <= product.files.settle:
            yield Finding(
                RULE,
                mesh.file(product),
                "/wait/deadline" if "wait" in product.given else "/files/complete/settle",
                f"a deadline of {spoken(product.deadline)} and `settle: {spoken(product.files.settle)}`",
                "a deadline that leaves the files time to land",
                "Lengthen wait.deadline, or shorten files.complete.settle.",
            )
