"""Files in a bucket that the domain does not have."""

import difflib
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule("HG706", "unknown bucket", "Nobody reports the files of a bucket that is not known.", partial=True)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.files is None or mesh.bucket_of(product) or product.domain in mesh.broken_buckets:
            continue
        known = sorted(mesh.buckets.get(product.domain, {}))
        near = difflib.get_close_matches(product.files.bucket, known, n=1)
        file = mesh.buckets_file(product.domain).as_posix()
        yield Finding(
            RULE,
            mesh.file(product),
            "/files/bucket",
            f'"{product.files.bucket}"',
            "one of " + ", ".join(f'"{each}"' for each in known) if known else f"a file {file} with this bucket",
            f'Did you mean "{near[0]}"?'
            if near
            else f'Add it to {file}, such as {product.files.bucket}: {{name: "acme-{product.files.bucket}-{{account}}", create: true}}.',
        )
