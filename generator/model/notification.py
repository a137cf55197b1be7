"""Notifications as values; and who is notified of files: of those of a product where its metadata does not say it, and of those of no product, by bucket."""

from dataclasses import dataclass
from typing import Any

from headgate.generator.model.alerting import alerting, receivers
from headgate.generator.schemas import paging

Document = dict[str, Any]
FILES, ERROR = "FILES", "ERROR"


@dataclass(frozen=True, slots=True)
class Notification:
    """`channels` has each kind of channel with its addresses; an `incident` has its severity for an address. `severities` are those of the kinds that
    have one."""

    on: tuple[str, ...]
    level: str
    channels: tuple[tuple[str, tuple[str, ...]], ...]
    severities: tuple[tuple[str, int], ...] = ()


def implied(product: Document) -> tuple[Notification, ...]:
    """Of a product with files of which no notification names FILES: whoever is notified of ERROR, by channels that do not page."""
    if "files" not in product or any(FILES in each["on"] for each in product.get("notify", ())):
        return ()
    return _notification(_quiet(ERROR, product), product)


def of_bucket(bucket: Document, defaults: Document) -> tuple[Notification, ...]:
    """By what the bucket says, or else the defaults of its domain: their receivers of FILES, or of ERROR, or the owner's e-mail address."""
    own: Document = {key: bucket[key] for key in ("owner", "email") if key in bucket}
    known = {**defaults, **own}
    email: Document = {"email": [known["email"]]} if "email" in known else {}
    return _notification(bucket.get("notify") or _quiet(FILES, known) or _quiet(ERROR, known) or email, known)


def alerting_of_bucket(defaults: Document) -> Document:
    """How the digests are sent: as alerts about the products of the domain are."""
    return alerting(defaults.get("alerts", {}))


def _quiet(kind: str, product: Document) -> Document:
    """The receivers of that kind by channel, without those that would be paged."""
    found: Document = {}
    for each in product.get("notify", ()):
        if kind in each["on"]:
            for channel, targets in receivers(each, product).items():
                found[channel] = [*dict.fromkeys([*found.get(channel, ()), *targets])]
    return {channel: targets for channel, targets in found.items() if channel not in paging()}


def _notification(targets: Document, product: Document) -> tuple[Notification, ...]:
    severity = product.get("alerts", {}).get("severity", {}).get(FILES)
    channels = tuple((channel, tuple(each)) for channel, each in targets.items())
    return (Notification((FILES,), "product", channels, ((FILES, severity),) if severity else ()),) if channels else ()
