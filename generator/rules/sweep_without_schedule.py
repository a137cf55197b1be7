"""Files that are swept by a product without a schedule."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule("HG219", "sweep without a schedule", "No opening ever takes the files that land.")


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.machines():
        if product.files and product.files.sweep and product.schedule is None:
            yield Finding(
                RULE,
                mesh.file(product),
                "/files/sweep",
                "`sweep` without `schedule`",
                "a schedule, whose openings take the files",
                'Add schedule: {cron: "0 8-18/2 ? * MON-FRI *"}, with a time for each sweep.',
            )
