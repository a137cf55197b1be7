"""A signal of a product that has runs of its own, or that publishes nothing."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG740",
    "signal that refreshes nothing",
    "A signal stands for the refresh of a product that is refreshed elsewhere. One with a pipeline is refreshed by its runs, and one without refresh events notifies nobody.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.signal is None:
            continue
        if product.pipeline is not None:
            yield Finding(
                RULE, mesh.file(product), "/signal", "`signal` beside `pipeline`", "one of them",
                "Give the signal to a product without a pipeline, and name that one under `depends_on`.",
            )  # fmt: skip
        elif not product.refresh_event:
            yield Finding(
                RULE, mesh.file(product), "/publish/refresh_event", "`refresh_event: false` beside `signal`", "refresh events",
                "Remove `refresh_event`, or the signal.",
            )  # fmt: skip
