"""Files that are corrected, and nobody is told."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG808",
    "correction of which nobody is notified",
    "With on_correction: notify nothing runs again by itself, so somebody has to know that the data is outdated.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        asked = product.notifies_about("product") | {kind for each in product.implied for kind in each.on}
        if asked and not asked & {"FILES", "OUTDATED"} and product.files and product.files.on_correction == "notify":
            yield Finding(
                RULE,
                mesh.file(product),
                "/files",
                "on_correction: notify, and no notification of FILES or OUTDATED",
                "a notification, or another on_correction",
                "Add notify: [{on: [ERROR, FILES], slack: [...]}], or on_correction: rerun.",
            )
