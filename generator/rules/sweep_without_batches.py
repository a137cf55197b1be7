"""Files that are swept and that no step is given."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG718",
    "sweep without batches",
    "Which files an opening took, only a step with `batches` knows: the names of files do not say it.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.machines():
        swept = product.files is not None and product.files.sweep
        if swept and not any("batches" in step.settings for step in product.steps()):
            yield Finding(
                RULE,
                mesh.file(product),
                "/files/sweep",
                "`sweep`, and no step with `batches`",
                "a Glue step with `batches`, which loads the files",
                "Add batches: {} to the step that loads them.",
            )
