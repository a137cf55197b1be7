"""A scheduled fallback that ends in ERROR on every day on which its upstream succeeds."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.availability import cycles_of
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Condition, Dependency

RULE = Rule(
    "HG210",
    "fallback fails when its upstream succeeds",
    "The schedule opens a run every day; a failure that may still come on any later refresh is waited for until the deadline, and the run ends in ERROR.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        condition = product.depends_on
        if product.schedule is None or condition is None or product.on_deadline != "fail":
            continue
        if _only_failures(condition) and not _ends_early(mesh, condition):
            yield Finding(
                RULE,
                mesh.file(product),
                "/wait/on_deadline" if "wait" in product.given else "/depends_on",
                "on_deadline: fail, on a product that waits for a failure without a date",
                "on_deadline: skip, or no schedule",
                "Without `max_age` and `cycle: any` the run ends SKIPPED when the upstream completes; without a schedule the failure opens the run.",
            )


def _only_failures(node: Condition | Dependency) -> bool:
    """Whether the condition cannot hold without a failure."""
    if isinstance(node, Dependency):
        return node.statuses == ("ERROR",)
    test = any if node.operator == "all_of" else all
    return test(_only_failures(member) for member in node.members)


def _ends_early(mesh: Mesh, node: Condition | Dependency) -> bool:
    """Whether the run ends SKIPPED when every upstream completes: the refresh of a date and cycle that has completed does not fail."""
    if isinstance(node, Dependency):
        upstream = mesh.products.get(node.product)
        any_cycle = node.cycle == "any" and len(cycles_of(upstream.schedule if upstream else None)) > 1
        return "COMPLETED" not in node.statuses and node.max_age is None and not any_cycle
    test = any if node.operator == "all_of" else all
    return test(_ends_early(mesh, member) for member in node.members)
