"""A bucket in which no product's files land."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity, pointer
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG707",
    "bucket without files",
    "No product of the domain names it: what lands in it is reported and kept as unmatched.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for domain, buckets in mesh.buckets.items():
        used = {each.files.bucket for each in mesh.products.values() if each.domain == domain and each.files}
        unread = any(key.split("/")[0] == domain for key in (*mesh.broken, *mesh.partial))
        for key in buckets:
            if key not in used and not unread:
                yield Finding(
                    RULE,
                    mesh.buckets_file(domain),
                    pointer(key),
                    f'"{key}"',
                    "a bucket that the `files` of a product name",
                    "Remove it, or name it under `files.bucket`.",
                )
