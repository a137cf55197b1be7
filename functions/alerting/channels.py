"""The services alerts are told through. Each gives the id by which the service knows the message, and raises `NotDelivered` or
`MaybeDelivered`."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from alerting.message import Alert, Message

TRIES, PATIENCE, TIMEOUT = 3, 20.0, 10.0
PRIORITY = {"ERROR": "P2", "LATE": "P3"}  # the rest informs
Delivery = dict[str, Any]
Secrets = Callable[[], dict[str, str]]  # read when one is needed; raises `NotDelivered`
T = TypeVar("T")


class NotDelivered(Exception):
    """It was not delivered, or may be again since the receiver knows a second; the message says why and holds no secret."""


class Busy(NotDelivered):
    """Not now: the service asks to wait `pause` seconds, or None if it does not say."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class MaybeDelivered(Exception):
    """Nobody knows whether it was delivered: it must not be sent again as it is."""


def patiently(send: Callable[[], T]) -> T:
    """Tries again when a service is busy, as often and as long as there is patience for it. Raises `NotDelivered`."""
    waited = 0.0
    for attempt in range(1, TRIES + 1):
        try:
            return send()
        except Busy as busy:
            pause = 0.5 * 2.0**attempt if busy.pause is None else max(0.0, busy.pause)
            if attempt == TRIES or waited + pause > PATIENCE:
                raise NotDelivered(f"not now: {busy}") from None
        waited += pause
        time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def seconds(retry_after: str | None) -> float | None:
    """What `Retry-After` says, if it is a number."""
    try:
        return float(retry_after or "")
    except ValueError:
        return None


def opsgenie(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str:
    """One alert a run and team: OpsGenie knows a second by its alias, and a run that completes closes it.
    docs.opsgenie.com/docs/alert-api"""
    base = os.environ.get("OPSGENIE_API_URL", "https://api.opsgenie.com")
    headers = {"Authorization": f"GenieKey {needed(secrets, 'opsgenie_key')}"}
    alias = f"headgate-{alert['run_id']}-{delivery['target']}"
    if alert["kind"] == "COMPLETED" and delivery.get("failed_before"):
        _post(
            f"{base}/v2/alerts/{alias}/close?identifierType=alias",
            {"note": message.title, "source": "headgate"},
            headers,
        )
        return alias
    body = {
        "message": message.title[:130], "alias": alias, "description": message.text()[:15000], "source": "headgate",
        "responders": [{"type": "team", "name": delivery["target"]}], "priority": PRIORITY.get(alert["kind"], "P5"),
        "entity": alert["product"], "tags": ["headgate", alert["kind"]],
        "details": {"product": alert["product"], "business_date": alert["business_date"], "run_id": alert["run_id"]},
    }  # fmt: skip
    _post(f"{base}/v2/alerts", body, headers)
    return alias


def webhook(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str:
    """The facts and the text as JSON; the receiver knows a second by its Idempotency-Key."""
    key = str(delivery["key"])
    body = {**alert, "title": message.title, "text": message.text(), "links": dict(message.links), "alert_key": key}
    _post(delivery["target"], body, {"Idempotency-Key": key})
    return key


def _post(url: str, body: dict[str, Any], headers: dict[str, str]) -> bytes:
    """Posts JSON to who recognizes a second by what is in it. Raises `NotDelivered`."""
    request = urllib.request.Request(  # noqa: S310 - https by the metadata's schema
        url, json.dumps(body).encode(), {"Content-Type": "application/json", "User-Agent": "headgate", **headers}
    )

    def once() -> bytes:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                read: bytes = answer.read()
                return read
        except urllib.error.HTTPError as error:
            reason = f"{error.code} {error.reason}"
            if error.code != 429 and error.code < 500:
                raise NotDelivered(f"refused: {reason}") from None
            raise Busy(reason, seconds(error.headers.get("Retry-After"))) from None
        except (OSError, http.client.HTTPException) as error:
            raise Busy(str(getattr(error, "reason", error))) from None

    return patiently(once)


def needed(secrets: Secrets, name: str) -> str:
    """The secret of that name. Raises `NotDelivered`."""
    known = secrets()
    if name not in known:
        raise NotDelivered(f"the secret that AlertSecretArn names has no `{name}`")
    return known[name]
