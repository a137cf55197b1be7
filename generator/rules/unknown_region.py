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
    for name, domain in sorted(mesh.domains.items()):
        if domain.region and domain.region not in REGIONS:
            near = difflib.get_close_matches(domain.region, sorted(REGIONS), n=5)
            near.sort(key=lambda each, given=domain.region: sorted(each) != sorted(given))  # type: ignore[misc]
            yield Finding(
                RULE,
                mesh.root / name / "domain.yaml",
                "/region",
                f'"{domain.region}"',
                "a region of AWS such as us-east-1",
                f"Did you mean {near[0]}?" if near else "",
            )
