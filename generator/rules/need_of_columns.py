"""A column that a consumer needs and its upstream does not promise."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.contracts import columns_of
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG731",
    "a consumer needs a column that is not promised",
    "What the consumer reads is gone with the next deployment of the producer, and nobody has noticed.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for leaf in product.dependencies():
            upstream = mesh.products.get(leaf.product)
            if not leaf.needs or upstream is None or leaf.product in mesh.partial:
                continue
            known = columns_of(upstream)
            for index, name in enumerate(leaf.needs.columns):
                if name not in known:
                    promised = f"it promises {', '.join(known)}" if known else "it promises no columns"
                    yield Finding(
                        RULE,
                        mesh.file(product),
                        f"{leaf.pointer}/needs/columns/{index}",
                        f'"{name}" of {upstream.id} ({mesh.file(upstream)}); {promised}',
                        "a column of its contract",
                        f"Let {upstream.owner} keep the column in `contract.columns`, or read another one.",
                    )
