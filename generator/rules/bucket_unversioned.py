"""Files in a bucket that keeps no versions."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG710",
    "files in a bucket without versions",
    "A file that is overwritten while a run reads it cannot be read as it was, and what was overwritten is lost.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        bucket = mesh.bucket_of(product)
        if bucket and not bucket.versioned:
            yield Finding(
                RULE,
                mesh.file(product),
                "/files/bucket",
                f'"{bucket.key}", with `versioned: false`',
                "a bucket that keeps versions",
                "Ask its owner to turn versioning on, or to send every file under a new name.",
            )
