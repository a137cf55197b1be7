"""A dependency on a status that its upstream does not publish."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency, Product

RULE = Rule(
    "HG217",
    "status is never published",
    "The run would wait for an event that does not come.",
    Severity.WARNING,
)
OF_PRODUCERS = {"COMPLETED", "ERROR"}


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for leaf in product.dependencies():
            upstream = mesh.products.get(leaf.product)
            if upstream and (why := _why_never(upstream, leaf)):
                yield Finding(
                    RULE,
                    mesh.file(product),
                    leaf.pointer,
                    f'status: [{", ".join(leaf.statuses)}] of "{leaf.product}", {why[0]}',
                    why[1],
                )


def _why_never(upstream: Product, leaf: Dependency) -> tuple[str, str] | None:
    """What keeps the upstream from all of these statuses, and what to ask for instead."""
    if upstream.pipeline is None and not OF_PRODUCERS & set(leaf.statuses):
        return "which is refreshed outside: producers report COMPLETED and ERROR", "COMPLETED or ERROR among them"
    if set(leaf.statuses) == {"SKIPPED"} and upstream.depends_on is None and upstream.files is None:
        return "which waits for nothing, so it is never skipped", "another status, or CANCELLED beside it"
    return None
