"""A secret in the configurations of a cluster."""

import re
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, pointer
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG412",
    "a secret in the configurations of a cluster",
    "Metadata, machines and what EMR shows of a cluster are read by many. EMR fetches a secret from Secrets Manager by its name.",
    partial=True,
    credential=True,
)
SECRET = re.compile(r"password|passwd|secret|credential|access[._-]?key|api[._-]?key|auth[._-]?token", re.IGNORECASE)
REFERENCE = re.compile(r"secret:[A-Za-z0-9/_+=.@-]{1,512}")


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        cluster = product.pipeline.cluster if product.pipeline else None
        if cluster is None:
            continue
        for name, properties in cluster.settings.get("configurations", {}).items():
            for key, value in properties.items():
                secret, refers = SECRET.search(key), str(value).startswith("secret:")
                if (secret or refers) and not REFERENCE.fullmatch(str(value)):
                    at = f"{cluster.pointer}/configurations{pointer(name, key)}"
                    expected = "`secret:` and the name of a secret in Secrets Manager"
                    yield Finding(RULE, mesh.file(product), at, f"a value for `{key}`", expected)
