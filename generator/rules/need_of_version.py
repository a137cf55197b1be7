"""A version of a contract that a consumer needs and its upstream does not have."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.contracts import satisfies
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG732",
    "a consumer needs another version of the contract",
    "The producer has changed what it promised, and this consumer has not followed.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for leaf in product.dependencies():
            upstream = mesh.products.get(leaf.product)
            if not (leaf.needs and leaf.needs.version) or upstream is None or leaf.product in mesh.partial:
                continue
            version = upstream.contract.version if upstream.contract else None
            if version is None or not satisfies(version, leaf.needs.version):
                has = f"has version {version}" if version else "has no contract"
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{leaf.pointer}/needs/version",
                    f'"{leaf.needs.version}", but {upstream.id} {has} ({mesh.file(upstream)})',
                    "the version of its contract, or an earlier one with the same first number",
                    f"Read what {upstream.owner} has changed, then name the new version here.",
                )
