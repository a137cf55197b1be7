"""A cluster for several products that none of them uses."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity, pointer
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG415",
    "shared cluster that no product uses",
    "Most often a name that was changed in one place: the products that were meant run on another cluster, or on none.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    used = {(each.domain, each.pipeline.shared) for each in mesh.products.values() if each.pipeline}
    unknown = {
        each.partition("/")[0] for each in (*mesh.broken, *mesh.partial)
    }  # domains of which a product may use it
    reported: set[tuple[str, str]] = set()
    for key in sorted(mesh.products):
        product = mesh.products[key]
        for name in sorted(product.clusters):
            cluster = (product.domain, name)
            if cluster not in used | reported and product.domain not in unknown:
                reported.add(cluster)
                expected = f"`cluster: {name}` in the pipeline of a product of {product.domain}"
                yield Finding(
                    RULE, mesh.file(product), f"/clusters{pointer(name)}", f'"{name}", which no product uses', expected
                )
