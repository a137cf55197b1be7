"""The same dependency twice in one list."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Condition, Dependency

RULE = Rule(
    "HG211",
    "dependency given twice",
    "The second entry changes nothing; usually another product was meant.",
    Severity.WARNING,
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.depends_on:
            yield from _within(mesh, product.id, product.depends_on)


def _within(mesh: Mesh, identity: str, condition: Condition) -> Iterator[Finding]:
    seen = set()
    for member in condition.members:
        if isinstance(member, Dependency):
            key = (member.product, member.statuses, member.offset, member.max_age, member.cycle, member.account)
            if key in seen:
                yield Finding(
                    RULE,
                    mesh.file(identity),
                    member.pointer,
                    f'"{member.product}" a second time',
                    "each dependency once",
                )
            seen.add(key)
        else:
            yield from _within(mesh, identity, member)
