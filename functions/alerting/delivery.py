"""What the alert channels share: how a delivery can fail, waiting for a busy service, posting JSON."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

TRIES, PATIENCE, TIMEOUT = 3, 20.0, 10.0  # seconds of all pauses, and of one call
Delivery = dict[str, Any]
Secrets = Callable[[], dict[str, str]]  # read when one is needed; raises `NotDelivered`
T = TypeVar("T")


class NotDelivered(Exception):
    """It was not delivered, or may be repeated since the receiver recognizes a repetition; the message says why and holds no secret."""


class Busy(NotDelivered):
    """The service is busy and asks to wait `pause` seconds; None if it does not say how long."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class MaybeDelivered(Exception):
    """It is not known whether it was delivered: it must not be sent again as it is."""


def patiently(send: Callable[[], T]) -> T:
    """Tries again when a service is busy, up to TRIES times and PATIENCE seconds. Raises `NotDelivered`."""
    waited = 0.0
    for attempt in range(1, TRIES + 1):
        try:
            return send()
        except Busy as busy:
            pause = 0.5 * 2.0**attempt if busy.pause is None else max(0.0, busy.pause)
            if attempt == TRIES or waited + pause > PATIENCE:
                raise NotDelivered(f"the service is busy: {busy}") from None
        waited += pause
        time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def seconds(retry_after: str | None) -> float | None:
    """The value of `Retry-After`, if it is a number."""
    try:
        return float(retry_after or "")
    except ValueError:
        return None


def post(url: str, body: dict[str, Any], headers: dict[str, str]) -> bytes:
    """Posts JSON to a receiver that recognizes a repetition by its content. Raises `NotDelivered`."""
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
