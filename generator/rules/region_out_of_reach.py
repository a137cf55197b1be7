"""A domain in a region to which the central bus cannot forward events."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.accounts import regions_named
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.regions import forwards, partition_of

RULE = Rule(
    "HG609",
    "region out of the central bus's reach",
    "EventBridge forwards events between the regions of one partition, and not between those of GovCloud or China "
    "(docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html). The rule would be refused, and the central stack with it.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    """Where nothing says where the bus is, regions that reach none of the others: wherever it is, some do not receive its events."""
    named = [mesh.central.region] if mesh.central else regions_named(mesh)
    for name, domain in sorted(mesh.domains.items()):
        region = domain.region
        if domain.account and region and not all(forwards(each, region) for each in named):
            far = next(each for each in named if not forwards(each, region))
            where = f"the central bus is in {far}" if mesh.central else f"other domains are in {far}"
            yield Finding(
                RULE,
                mesh.root / name / "domain.yaml",
                "/region",
                f"{region} (partition {partition_of(region)}), and {where}",
                "the region of the central bus, or both in regions of the partition aws",
                "Make a mesh of its own of the domains there.",
            )
