"""An account on a dependency that differs from the account of the product's domain."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG212",
    "upstream is in another account",
    "Events are matched by the account they come from, so none would match.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for leaf in product.dependencies():
            if leaf.account is None or leaf.product not in mesh.products:
                continue
            domain = mesh.domains.get(leaf.product.split("/")[0])
            if domain and domain.account and domain.account != leaf.account:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{leaf.pointer}/account",
                    f'"{leaf.account}" for "{leaf.product}", which is in this repository with account "{domain.account}"',
                    "no `account`: domain.yaml names it",
                    "`account` is only for products outside this repository.",
                )
