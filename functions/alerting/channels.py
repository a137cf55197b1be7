"""The services alerts are told through. Each `send` gives the id by which the service knows the message, and raises `NotDelivered`."""

import json
import os
import time
import urllib.error
import urllib.request
from typing import Any

from alerting.words import Alert, Words

TRIES, PATIENCE, TIMEOUT = 3, 20.0, 10.0
PRIORITY = {"ERROR": "P2", "LATE": "P3"}  # the rest informs
Delivery = dict[str, Any]


class NotDelivered(Exception):
    """It was not delivered, for certain; the message says why and holds no secret."""


def opsgenie(delivery: Delivery, alert: Alert, words: Words, secrets: dict[str, str]) -> str:
    """One alert a run and team: OpsGenie knows a second by its alias, and a run that completes closes it.
    docs.opsgenie.com/docs/alert-api"""
    base = os.environ.get("OPSGENIE_API_URL", "https://api.opsgenie.com")
    headers = {"Authorization": f"GenieKey {needed(secrets, 'opsgenie_key')}"}
    alias = f"headgate-{alert['run_id']}-{delivery['target']}"
    if alert["kind"] == "COMPLETED" and delivery.get("failed_before"):
        _post(
            f"{base}/v2/alerts/{alias}/close?identifierType=alias", {"note": words.title, "source": "headgate"}, headers
        )
        return alias
    body = {
        "message": words.title[:130], "alias": alias, "description": words.text()[:15000], "source": "headgate",
        "responders": [{"type": "team", "name": delivery["target"]}], "priority": PRIORITY.get(alert["kind"], "P5"),
        "entity": alert["product"], "tags": ["headgate", alert["kind"]],
        "details": {"product": alert["product"], "business_date": alert["business_date"], "run_id": alert["run_id"]},
    }  # fmt: skip
    _post(f"{base}/v2/alerts", body, headers)
    return alias


def webhook(delivery: Delivery, alert: Alert, words: Words, secrets: dict[str, str]) -> str:
    """The facts and the words as JSON; the receiver knows a second by its Idempotency-Key."""
    key = str(delivery["key"])
    body = {**alert, "title": words.title, "text": words.text(), "links": dict(words.links), "alert_key": key}
    _post(delivery["target"], body, {"Idempotency-Key": key})
    return key


def _post(url: str, body: dict[str, Any], headers: dict[str, str]) -> bytes:
    """Posts JSON. Waits as `Retry-After` says, while there is patience for it. Raises `NotDelivered`."""
    data = json.dumps(body).encode()
    waited = 0.0
    for attempt in range(1, TRIES + 1):
        request = urllib.request.Request(  # noqa: S310 - https by the metadata's schema
            url, data, {"Content-Type": "application/json", "User-Agent": "headgate", **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                read: bytes = answer.read()
                return read
        except urllib.error.HTTPError as error:
            reason = f"{error.code} {error.reason}"
            if error.code != 429 and error.code < 500:
                raise NotDelivered(f"refused: {reason}") from None
            pause = _seconds(error.headers.get("Retry-After"), attempt)
        except OSError as error:
            reason, pause = str(getattr(error, "reason", error)), _seconds(None, attempt)
        if attempt == TRIES or waited + pause > PATIENCE:
            raise NotDelivered(f"not now: {reason}")
        waited += pause
        time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _seconds(retry_after: str | None, attempt: int) -> float:
    try:
        asked = float(retry_after or "")
    except ValueError:
        asked = 0.5 * 2.0**attempt
    return max(0.0, asked)


def needed(secrets: dict[str, str], name: str) -> str:
    """The secret of that name. Raises `NotDelivered`."""
    if name not in secrets:
        raise NotDelivered(f"the secret that AlertSecretArn names has no `{name}`")
    return secrets[name]
