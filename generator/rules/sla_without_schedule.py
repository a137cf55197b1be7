"""An SLA of which nothing says when it is due."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG304",
    "sla and schedule do not fit",
    "A local time needs a time zone: that of the schedule, or its own. A duration counts from the first input, which opens the run only without a schedule.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        sla = product.sla
        if sla is None:
            continue
        if sla.complete_by and product.sla_timezone is None:
            yield Finding(
                RULE,
                mesh.file(product),
                "/sla",
                f'complete_by "{sla.complete_by}" without a schedule and without a time zone',
                "a time zone",
                "Add `timezone:` to the SLA, which is then due on the business date itself, or `days:` later; or add `schedule:`.",
            )
        elif sla.after and product.schedule:
            yield Finding(
                RULE,
                mesh.file(product),
                "/sla/after",
                "`after` and a schedule",
                "`complete_by`",
                'The opening of a schedule is no first input; write until when the product has to be complete, such as complete_by: "08:00".',
            )
