"""A pipeline that nothing starts."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG215",
    "pipeline never starts",
    "A run is opened by the schedule, by the first event of an upstream product or by the first of its files; without all of them, no run is ever opened.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.machines():
        if product.schedule is None and product.depends_on is None and product.files is None:
            yield Finding(
                RULE,
                mesh.file(product),
                "/pipeline",
                "`pipeline` without `schedule`, `depends_on` and `files`",
                "at least one of `schedule`, `depends_on` and `files`",
                'Add schedule: {frequency: daily, time: "06:00"}, or depends_on with the products that it needs.',
            )
