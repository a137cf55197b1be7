"""A query that is not one statement."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.sql import statements
from headgate.generator.steps import step_types

RULE = Rule(
    "HG413",
    "not one statement",
    "The service runs one statement a call and refuses others; the step would fail at its launch.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for step in product.steps():
            kind = step_types()[step.type]
            text = step.settings.get(kind.note("statement"))
            if isinstance(text, str) and (count := statements(text)) != 1:
                named = next((name for name in kind.note("texts", ()) if name in step.settings), kind.note("statement"))
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{step.pointer}/{step.type}/{named}",
                    f"{count} statements" if count else "no statement",
                    "one statement",
                    "Make each a step of its own." if count else "",
                )
