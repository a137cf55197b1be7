"""A notification about FILES for a product without files."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG807", "FILES without files", "No file is of a domain without `files`, so nobody is notified.", Severity.WARNING
)


def check(mesh: Mesh) -> Iterator[Finding]:
    with_files = {each.domain for each in mesh.products.values() if each.files}
    for product in mesh.products.values():
        if product.domain not in with_files:
            for index, each in enumerate(product.notify):
                if list(each.on) == ["FILES"]:
                    yield Finding(
                        RULE, mesh.file(product), f"/notify/{index}/on", "FILES, and no files", "`files`, or another kind"
                    )  # fmt: skip
