"""Keys that need a pipeline."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG213",
    "pipeline is missing",
    "A product without a pipeline is external: it is refreshed elsewhere and has no runs in this application.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.pipeline is None:
            for key in ("depends_on", "wait", "files"):
                if key in product.given:
                    yield Finding(
                        RULE,
                        mesh.file(product),
                        f"/{key}",
                        f"`{key}` without `pipeline`",
                        "a `pipeline`, or neither",
                        "Add pipeline.steps, or remove the key if the product is refreshed elsewhere.",
                    )
