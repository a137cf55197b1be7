"""A dependency on a product outside this repository whose domain is inside it."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG214",
    "domain is used by two accounts",
    "A domain's events come from one account. If a second account published under the same domain name, the owner of a refresh would be unknown.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for leaf in product.dependencies():
            domain = leaf.product.split("/")[0]
            if (
                leaf.account
                and domain in mesh.domains
                and leaf.product not in mesh.products
                and leaf.product not in mesh.broken
            ):
                yield Finding(
                    RULE,
                    mesh.file(product),
                    leaf.pointer,
                    f'"{leaf.product}" of account {leaf.account}, while the domain {domain} is in this repository',
                    f"a product of {domain} that is in this repository, or a product of a domain that is not",
                    f"Add products/{leaf.product}.yaml, or agree on another domain name with the other account.",
                )
