"""An order of files that is not kept, or that says nothing."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.files import ARRIVAL
from headgate.generator.model.mesh import Mesh

RULE = Rule("HG716", "order of files without effect", "The author expects an order that nobody keeps.")


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for step in product.steps():
            order = step.settings.get("batches", {}).get("order", ())
            if product.files and order and not product.files.in_order:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{step.section}/batches/order",
                    "`order`, and the files of the product have `load: full`",
                    "`order` with `load: cdc`",
                    "Without it batches are loaded side by side. Write `load: cdc` under `files`, or leave out `order`.",
                )
            elif ARRIVAL in order and len(order) > 1:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{step.section}/batches/order/{order.index(ARRIVAL)}",
                    "`arrival` beside groups",
                    "groups, or `[arrival]` alone",
                    "Files with the same values of the groups are loaded as they were put in any case. Leave out `arrival`.",
                )
