"""A maximum delay that is shorter than the first interval."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.duration import spoken
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG405",
    "max_delay shorter than interval",
    "Step Functions refuses a retrier whose MaxDelaySeconds is not greater than its IntervalSeconds.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for step in product.steps():
            if step.retry and step.retry.max_delay < step.retry.interval:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{step.pointer}/retry/max_delay",
                    f"{spoken(step.retry.max_delay)} with an interval of {spoken(step.retry.interval)}",
                    f"{spoken(step.retry.interval)} or more",
                )
