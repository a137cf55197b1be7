"""A setting beyond what the service takes."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.duration import seconds, spoken
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Step
from headgate.generator.steps import step_types

RULE = Rule(
    "HG409",
    "a step beyond the limits of its service",
    "The service refuses the setting, or ends the work before the setting says.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for step in product.work():
            for limit in step_types()[step.type].note("limits", ()):
                given = seconds(step.settings[limit["property"]])
                if _applies(limit, step) and not _lowest(limit) <= given <= _highest(limit, given):
                    yield Finding(
                        RULE,
                        mesh.file(product),
                        f"{step.section}/{limit['property']}",
                        spoken(given)
                        + "".join(f" with `{key}: {value}`" for key, value in limit.get("when", {}).items()),
                        " and ".join(
                            f"{words} {limit[bound]}"
                            for bound, words in (("at_least", "at least"), ("at_most", "at most"))
                            if bound in limit
                        ),
                        limit["why"],
                    )


def _applies(limit: dict[str, Any], step: Step) -> bool:
    return all(step.settings.get(key) == value for key, value in limit.get("when", {}).items())


def _lowest(limit: dict[str, Any]) -> int:
    return seconds(limit["at_least"]) if "at_least" in limit else 0


def _highest(limit: dict[str, Any], given: int) -> int:
    return seconds(limit["at_most"]) if "at_most" in limit else given
