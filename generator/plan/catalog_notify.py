"""Who is notified of what, as the catalog holds it."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.model.files import Bucket
from headgate.generator.model.notification import Notification
from headgate.generator.model.product import Product

Entry = dict[str, Any]


def notify_of(product: Product) -> Iterator[Entry]:
    """What each member of `notify` asks for. Incidents are of runs that failed, whatever else the member asks for: they are a member of their own, with
    the most severe of those that metadata gives."""
    severities = []
    for each in product.notify:
        targets = {kind: list(values) for kind, values in each.channels}
        severities += targets.pop("incident", [])
        if targets:
            yield _asked(each, targets)
    if severities:
        yield {"on": ["ERROR"], "level": "product", "incident": [min(severities)]}
    for each in product.implied:
        yield _asked(each, {kind: list(values) for kind, values in each.channels}) | {"implied": True}


def _asked(notification: Notification, targets: dict[str, list[str]]) -> Entry:
    stated = {"severities": dict(notification.severities)} if notification.severities else {}
    return {"on": list(notification.on), "level": notification.level, **targets, **stated}


def bucket_entry(bucket: Bucket) -> Entry:
    """Who is notified of files of no product. `name` may have `{account}` in it."""
    result: Entry = {
        "name": bucket.real_name(bucket.account),
        "owner": bucket.owner,
        "notify": [_asked(each, {kind: list(values) for kind, values in each.channels}) for each in bucket.notify],
    }
    if bucket.email:
        result["email"] = bucket.email
    if bucket.alerting:
        result["alerts"] = bucket.alerting
    return result
