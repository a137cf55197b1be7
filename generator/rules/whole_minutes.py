"""A timeout the service cannot express."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.duration import seconds
from headgate.generator.model.mesh import Mesh
from headgate.generator.steps import step_types

RULE = Rule("HG407", "not a whole number of minutes", "The service counts this timeout in minutes.", partial=True)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for step in product.steps():
            kind = step_types()[step.type]
            for key in kind.note("whole-minutes", ()):
                given = step.settings.get(key)
                if given and seconds(given) % 60:
                    minutes = seconds(given) // 60 + 1
                    yield Finding(
                        RULE,
                        mesh.file(product),
                        f"{step.section}/{key}",
                        f"{given}",
                        "whole minutes",
                        f"Write {minutes}m.",
                    )
