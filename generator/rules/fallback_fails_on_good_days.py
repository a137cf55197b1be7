"""A scheduled fallback that ends in ERROR on every day on which its upstream succeeds."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Condition, Dependency

RULE = Rule(
    "HG210",
    "fallback fails when its upstream succeeds",
    "The schedule opens a run every day; when the upstream does not fail, the run reaches its deadline and ends in ERROR.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if (
            product.schedule
            and product.depends_on
            and product.on_deadline == "fail"
            and _only_failures(product.depends_on)
        ):
            yield Finding(
                RULE,
                mesh.file(product),
                "/wait/on_deadline" if "wait" in product.given else "/depends_on",
                "on_deadline: fail, on a product that waits for a failure",
                "on_deadline: skip, or no schedule",
                "Without a schedule the failure of the upstream opens the run.",
            )


def _only_failures(node: Condition | Dependency) -> bool:
    """Whether the condition cannot hold without a failure."""
    if isinstance(node, Dependency):
        return node.statuses == ("ERROR",)
    test = any if node.operator == "all_of" else all
    return test(_only_failures(member) for member in node.members)
