"""A step that loads files of a product that has none."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule("HG714", "batches without files", "The step would find nothing to load, and succeed.")


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for step in product.steps():
            if "batches" in step.settings and product.files is None:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{step.section}/batches",
                    "the product has no `files`",
                    "`files`, which say what the step loads",
                    "Describe the files, or leave out `batches`.",
                )
