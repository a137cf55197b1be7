"""Domains in several regions, and nothing says in which of them the central bus is."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.accounts import regions_named
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG608",
    "several regions, and nothing says where the central bus is",
    "Step Functions calls no other region than its own. Until products/mesh.yaml says where the bus is, a function publishes the events of every "
    "domain, and nothing checks that EventBridge forwards events between the regions.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    regions = regions_named(mesh)
    if mesh.central is None and "mesh" not in mesh.broken and len(regions) > 1:
        yield Finding(
            RULE,
            mesh.root / "mesh.yaml",
            "",
            f"no mesh.yaml, and domains in {', '.join(regions[:-1])} and {regions[-1]}",
            "a file with the `account` and the `region` of the central bus",
        )
