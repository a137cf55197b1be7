"""How alerts are sent, as the catalog holds it; and the receivers and severities that notifications inherit."""

from typing import Any

from headgate.generator.model.duration import seconds
from headgate.generator.schemas import channels, default

Document = dict[str, Any]

WEEKDAYS = {name: number for number, name in enumerate(("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"), 1)}
TIMEZONE = default("product", "zone")
SEVERITIES = default("product", "quiet", "severities")
MOST = default("product", "alerts", "remind", "most")


def alerting(document: Document) -> Document:
    """What the state needs of `alerts`: {fallback, quiet, maintenance, remind}, times with their zone, weekdays as ISO numbers, durations in seconds.
    Sections that are absent in the metadata are absent here."""
    made: Document = {key: document[key] for key in ("fallback",) if key in document}
    if "quiet" in document:
        made["quiet"] = [
            {**_window(each), "severities": each.get("severities", SEVERITIES)} for each in document["quiet"]
        ]
    if "maintenance" in document:
        made["maintenance"] = [_window(each) for each in document["maintenance"]]
    if "remind" in document:
        given = document["remind"]
        made["remind"] = {**given, "after": seconds(given["after"]), "most": given.get("most", MOST)}
    return made


def _window(document: Document) -> Document:
    days = {"days": [WEEKDAYS[each] for each in document["days"]]} if "days" in document else {}
    return {**document, "timezone": document.get("timezone", TIMEZONE), **days}


def receivers(notification: Document, product: Document) -> Document:
    """The receivers of a notification of the product by channel, in the order of the schema; with `to: owner` those of its owner as well."""
    given = product.get("alerts", {}) if "to" in notification else {}
    inherited = given.get("owners", {}).get(product["owner"], given.get("receivers", {}))
    named = {each: [*_targets(notification.get(each, ())), *inherited.get(each, ())] for each in channels()}
    return {each: [*dict.fromkeys(values)] for each, values in named.items() if values}


def _targets(given: Any) -> list[str]:
    """The addresses of a channel; of an incident its severity."""
    return [str(given["severity"])] if isinstance(given, dict) else list(given)


def severities(notification: Document, product: Document) -> dict[str, int]:
    """The severity of each kind of the notification for which the metadata states one."""
    by_kind = product.get("alerts", {}).get("severity", {})
    stated = {kind: notification.get("severity", by_kind.get(kind)) for kind in notification["on"]}
    return {kind: severity for kind, severity in stated.items() if severity is not None}
