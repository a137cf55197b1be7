"""A dependency on a product that does not exist."""

import difflib
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG201",
    "unknown upstream product",
    "It is never refreshed, so every run would wait until its deadline.",
    partial=True,
)
EXPECTED = "a product of this repository, or `{product: ..., account: ...}` for one outside it"


def check(mesh: Mesh) -> Iterator[Finding]:
    names = _Names(mesh)
    for product in mesh.products.values():
        for leaf in product.dependencies():
            if leaf.product not in mesh.products and leaf.product not in mesh.broken and leaf.account is None:
                yield Finding(
                    RULE, mesh.file(product), leaf.pointer, f'"{leaf.product}"', EXPECTED, names.hint(leaf.product)
                )


class _Names:
    """Suggests names. Comparing with all of a large mesh is slow, so only the first misspellings get that much."""

    def __init__(self, mesh: Mesh) -> None:
        self.known = sorted({*mesh.products, *mesh.broken})
        self.searches = 25

    def hint(self, wrong: str) -> str:
        domain, name = wrong.split("/")
        same_name = [each for each in self.known if each.endswith("/" + name)]
        pools = [
            same_name if len(same_name) == 1 else [],
            [each for each in self.known if each.startswith(domain + "/")],
        ]
        if self.searches:
            pools.append(self.known)
        for pool in pools:
            near = difflib.get_close_matches(wrong, pool, n=1, cutoff=0.75) or (pool if pool is same_name else [])
            if near:
                return f'Did you mean "{near[0]}"?'
        self.searches = max(0, self.searches - 1)
        return ""
