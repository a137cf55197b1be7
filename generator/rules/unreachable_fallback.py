"""A fallback that needs, beside a failure, a product that cannot complete after that failure."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Condition, Dependency

RULE = Rule(
    "HG208",
    "fallback can never run",
    "When the upstream has failed, another dependency of the fallback cannot have completed.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.depends_on is None:
            continue
        necessary = list(_necessary(product.depends_on))
        failures = [leaf for leaf in necessary if leaf.statuses == ("ERROR",)]
        for failure in failures:
            for other in necessary:
                if other.statuses != ("COMPLETED",) or other.offset != failure.offset or other.max_age:
                    continue
                path = _needs(mesh, other.product, failure.product)
                if path:
                    yield Finding(
                        RULE,
                        mesh.file(product),
                        other.pointer,
                        f'"{other.product}" COMPLETED beside "{failure.product}" ERROR, but ' + " needs ".join(path),
                        "a product that does not depend on the failed one",
                        f'Remove the dependency on "{other.product}", or use yesterday\'s refresh of it with `offset: -1`.',
                    )


def _necessary(node: Condition | Dependency) -> Iterator[Dependency]:
    """The dependencies without which the condition cannot hold."""
    if isinstance(node, Dependency):
        yield node
    elif node.operator == "all_of" or len(node.members) == 1:
        for member in node.members:
            yield from _necessary(member)


def _needs(mesh: Mesh, start: str, target: str) -> list[str]:
    """A path from `start` to `target` along same-date dependencies that are necessary; empty if there is none."""
    came_from: dict[str, str] = {}
    queue = [start]
    for key in queue:
        product = mesh.products.get(key)
        for leaf in _necessary(product.depends_on) if product and product.depends_on else ():
            if leaf.statuses != ("COMPLETED",) or leaf.offset or leaf.max_age or leaf.product in came_from:
                continue
            came_from[leaf.product] = key
            if leaf.product == target:
                path = [target]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            queue.append(leaf.product)
    return []
