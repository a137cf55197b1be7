"""A signal about what this application reports by itself."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.signal import Signal

RULE = Rule(
    "HG742",
    "signal that does not come",
    "The bucket reports to the queue of files and not to EventBridge, so no signal comes of it.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.signal and (key := _bucket_of_files(mesh, product.signal)):
            yield Finding(
                RULE, mesh.file(product), "/signal/object/bucket", f'"{product.signal.about["bucket"]}", the bucket {key}, which has `via: sqs`',
                "a bucket that reports to EventBridge", "Use `files` with a pipeline, or give the bucket `via: eventbridge` in its buckets.yaml.",
            )  # fmt: skip


def _bucket_of_files(mesh: Mesh, signal: Signal) -> str | None:
    """The name of the bucket among those of `files`, where it does not report to EventBridge."""
    name = signal.about.get("bucket")
    for domain, buckets in sorted(mesh.buckets.items()):
        for bucket in buckets.values():
            same = name in (
                bucket.name,
                bucket.real_name(mesh.domains[domain].account if domain in mesh.domains else None),
            )
            if name is not None and same and bucket.via == "sqs":
                return f"{domain}/{bucket.key}"
    return None
