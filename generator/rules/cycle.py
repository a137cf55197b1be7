"""A cycle of dependencies."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency, Product

RULE = Rule("HG202", "dependency cycle", "Each waits for the next, so none of them ever starts.", partial=True)


def waits_today(product: Product, leaf: Dependency) -> bool:
    """Whether the dependency holds the run back until a refresh of the same or a later date.

    Yesterday's refresh (`offset: -1`) is there already, and so is the latest one (`max_age`) when a schedule opens the run.
    """
    return leaf.offset >= 0 and not (leaf.max_age and product.schedule)


def check(mesh: Mesh) -> Iterator[Finding]:
    edges = {
        key: tuple(
            dict.fromkeys(
                leaf.product
                for leaf in product.dependencies()
                if leaf.product != key and leaf.product in mesh.products and waits_today(product, leaf)
            )
        )
        for key, product in mesh.products.items()
    }
    for group in _components(edges):
        path = _shortest_cycle(min(group), edges, group)
        first = mesh.products[path[0]]
        leaf = next(each for each in first.dependencies() if each.product == path[1] and waits_today(first, each))
        others = len(group) - len(path) + 1
        more = f" ({others} more products are part of it)" if others else ""
        yield Finding(
            RULE,
            mesh.file(first),
            leaf.pointer,
            " -> ".join(path) + more,
            "dependencies that never lead back to the product itself",
            "Remove one of these dependencies, or give it `offset: -1` to use the refresh of the business day before.",
        )


def _components(edges: dict[str, tuple[str, ...]]) -> Iterator[frozenset[str]]:
    """Groups of two or more products that reach each other (Tarjan's algorithm, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            for target in rest:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(edges[target])))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = set()
                    while node not in group:
                        group.add(stack.pop())
                    on_stack -= group
                    if len(group) > 1:
                        yield frozenset(group)


def _shortest_cycle(start: str, edges: dict[str, tuple[str, ...]], group: frozenset[str]) -> list[str]:
    came_from: dict[str, str] = {}
    queue = [start]
    for node in queue:
        for target in edges[node]:
            if target == start:
                path = [start, node]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if target in group and target not in came_from:
                came_from[target] = node
                queue.append(target)
    raise AssertionError("a strongly connected product reaches itself")
