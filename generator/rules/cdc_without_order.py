"""Change data capture whose order nobody gives."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG715", "change data capture without an order", "An older change that is loaded after a newer one would undo it."
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.files is None or not product.files.in_order:
            continue
        loading = [each for each in product.steps() if "batches" in each.settings]
        if not loading:
            yield Finding(
                RULE,
                mesh.file(product),
                "/files/load",
                "`load: cdc`, and no step with `batches`",
                "a Glue step with `batches: {order: [...]}`",
                "Only such a step knows what has been loaded, and in which order.",
            )
        for step in loading:
            if "order" not in step.settings["batches"]:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{step.section}/batches",
                    "no `order`, and `load: cdc`",
                    "`order`, a list of groups of `pattern`",
                    "Where names have no number, write `order: [arrival]`.",
                )
