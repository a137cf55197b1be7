"""A deadline that no execution can wait for."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.duration import spoken
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Product

RULE = Rule("HG216", "deadline is too long", "Step Functions ends every execution after a year, before the deadline.")
# The longest a Standard workflow may take, less a day for what happens around the steps:
# docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
LONGEST = 364 * 86400


def too_long(product: Product) -> bool:
    """Whether waiting and running together take longer than an execution may."""
    return product.pipeline is not None and product.pipeline.longest() + product.deadline > LONGEST


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.machines():
        assert product.pipeline is not None
        longest = product.pipeline.longest()
        room = LONGEST - longest if longest < LONGEST else LONGEST
        if too_long(product) and (product.deadline >= longest or product.deadline > LONGEST):
            yield Finding(
                RULE,
                mesh.file(product),
                "/wait/deadline",
                spoken(product.deadline),
                f"at most {room // 86400}d: waiting and running together take less than a year",
                "Shorten wait.deadline.",
            )
