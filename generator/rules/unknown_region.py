"""A domain in a region that AWS does not have."""

import difflib
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.regions import REGIONS

RULE = Rule(
    "HG606",
    "unknown region",
    "Nothing can be deployed to a region that does not exist. Regions newer than this release are unknown as well.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    inherited = mesh.central.region if mesh.central else None
    places = [
        (each.region, mesh.root / name / "domain.yaml")
        for name, each in sorted(mesh.domains.items())
        if each.region != inherited
    ]
    for region, file in [(inherited, mesh.root / "mesh.yaml"), *places]:
        if region and region not in REGIONS:
            near = difflib.get_close_matches(region, sorted(REGIONS), n=5)
            near.sort(key=lambda each, given=region: sorted(each) != sorted(given))  # type: ignore[misc]
            hint = f"Did you mean {near[0]}?" if near else ""
            yield Finding(RULE, file, "/region", f'"{region}"', "a region of AWS such as us-east-1", hint)
