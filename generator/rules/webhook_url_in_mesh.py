"""The URL of a webhook in a mesh of several accounts."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from headgate.generator.findings import Finding, Rule, pointer
from headgate.generator.model.files import Bucket
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Product

RULE = Rule(
    "HG506",
    "URL of a webhook in every account",
    "The catalog is in every account of a mesh, and who has the URL of a webhook may post to it.",
    partial=True,
    credential=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    accounts = sorted({each.account for each in mesh.domains.values() if each.account})
    if len(accounts) < 2:
        return  # the catalog stays in the one account
    given = [(mesh.file(each), *webhook) for each in mesh.products.values() for webhook in _webhooks(each)]
    for domain, buckets in mesh.buckets.items():
        file = mesh.buckets_file(domain)
        given += [(file, *webhook) for each in buckets.values() for webhook in _digests(each)]
    for file, place, targets in given:
        for url in targets:
            if not url.startswith("secret:"):
                yield Finding(
                    RULE, file, place, f"a URL at {urlsplit(url).hostname}, and the mesh has {len(accounts)} accounts",
                    "secret: and a name in the alert secret",
                    'Put the URL into the secret that AlertSecretArn names, {"positions-hook": "https://..."}, and write secret:positions-hook here.',
                )  # fmt: skip


def _digests(bucket: Bucket) -> Iterator[tuple[str, Any]]:
    """The pointers and the targets of those that get the digests of a bucket."""
    for each in bucket.notify:
        for channel, targets in each.channels:
            if channel == "webhook":
                yield pointer(bucket.key, "notify", "webhook"), targets


def _webhooks(product: Product) -> Iterator[tuple[str, Any]]:
    """The pointers and the targets of all webhooks, with those that notifications inherit."""
    for index, each in enumerate(product.notify):
        for channel, targets in each.channels:
            if channel == "webhook":
                yield f"/notify/{index}/webhook", targets
    for path in ("fallback", "remind/escalate"):
        found: Any = product.alerting
        for key in path.split("/"):
            found = found.get(key, {})
        yield f"/alerts/{path}/webhook", found.get("webhook", ())
