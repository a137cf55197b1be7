"""A notification of steps about a status that only runs have."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG501",
    "not a step's status",
    "Only a run can be LATE, AT_RISK, SKIPPED or OUTDATED, and files are of a product; steps would never send this notification.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for index, each in enumerate(product.notify):
            wrong = [kind for kind in each.on if kind in ("LATE", "AT_RISK", "SKIPPED", "OUTDATED", "FILES")]
            if each.level == "step" and len(wrong) == len(each.on):
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"/notify/{index}/level",
                    f"level: step with on: [{', '.join(each.on)}]",
                    "ERROR, COMPLETED or STARTED",
                )
