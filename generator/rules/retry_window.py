"""Retries that take longer than the pipeline's timeout."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.duration import spoken
from headgate.generator.model.mesh import Mesh
from headgate.generator.rules.deadline_too_long import LONGEST, too_long

RULE = Rule("HG404", "retries take longer than the pipeline may", "The timeout ends the run before the last retry.")


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.pipeline is None:
            continue
        longest = product.pipeline.longest()
        if product.pipeline.timeout is not None and longest > product.pipeline.timeout:
            yield Finding(
                RULE,
                mesh.file(product),
                "/pipeline/timeout",
                f"{spoken(product.pipeline.timeout)}, but timeouts and retries of the steps add up to {spoken(longest)}",
                f"{spoken(longest)} or more",
                "Lengthen pipeline.timeout, or shorten the steps' timeouts and retries.",
            )
        elif too_long(product) and longest > min(product.deadline, LONGEST):
            yield Finding(
                RULE,
                mesh.file(product),
                "/pipeline/steps",
                f"timeouts and retries that add up to {spoken(longest)}",
                "less than a year, the longest an execution may take",
                "Shorten the steps' timeouts, attempts or intervals.",
            )
