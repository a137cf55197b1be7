"""What the alert channels share: how a delivery can fail, a POST that follows no redirect, and waiting for a busy service."""

import json
import math
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions

import runtime

TRIES, PATIENCE, TIMEOUT = 3, 20.0, 10.0  # seconds of all pauses, and of one call
LARGEST = 1 << 20  # bytes of an answer that are read
LOOPBACK = ("127.0.0.1", "localhost")
NOT_SENT = (
    exceptions.NewConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.SSLError,
)  # nothing was written yet
Delivery = dict[str, Any]
Secrets = Callable[[], dict[str, Any]]  # read when one is needed; raises `NotDelivered`
T = TypeVar("T")


class NotDelivered(Exception):
    """It was not delivered, or may be repeated since the receiver recognizes a repetition; the message says why and holds no secret.
    `pause`: the seconds that the service asks to wait; None if it does not say."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class Busy(NotDelivered):
    """The service is busy or not reached: the same may be delivered later."""


class Refused(NotDelivered):
    """The service or the settings refuse it: nothing is delivered until a person changes something."""


class MaybeDelivered(Exception):
    """It is not known whether it was delivered: it must not be sent again as it is."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]  # by their names in lower case
    body: bytes

    def content(self) -> dict[str, Any]:
        """The JSON object of the answer; empty if it is none."""
        try:
            read = json.loads(self.body)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}

    def is_page(self) -> bool:
        """Whether it is an HTML page, as proxies and sign-in pages give it."""
        start = self.body.lstrip()[:14].lower()
        return start.startswith((b"<!doctype html", b"<html"))

    def pause(self) -> float | None:
        """The seconds that `Retry-After` asks to wait, given as seconds or as a date; None without one."""
        text = self.headers.get("retry-after", "")
        try:
            given = float(text)
        except ValueError:
            given = _until(text, self.headers.get("date", ""))
        return max(0.0, given) if math.isfinite(given) else None


def _until(moment: str, date: str) -> float:
    """The seconds from the date of the answer to the moment; not a number if either is no date."""
    try:
        given = parsedate_to_datetime(moment)
        since = parsedate_to_datetime(date) if date else runtime.now()
        return (given - since).total_seconds()
    except (TypeError, ValueError):
        return math.nan


def patiently(send: Callable[[], T]) -> T:
    """Tries again when a service is busy, up to TRIES times and PATIENCE seconds. Raises `NotDelivered`."""
    waited = 0.0
    for attempt in range(1, TRIES + 1):
        try:
            return send()
        except Busy as busy:
            pause = 0.5 * 2.0**attempt if busy.pause is None else busy.pause
            if attempt == TRIES or waited + pause > PATIENCE:
                raise Busy(f"the service is busy: {busy}", busy.pause) from None
        waited += pause
        time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def ask(url: str, body: bytes, headers: dict[str, str], content: str = "application/json; charset=utf-8") -> Answer:
    """One POST, of which a redirect is not followed, and its answer. Raises `Refused` for an address that is not https, `Busy` if nothing
    can have arrived, and `MaybeDelivered` if it broke off later."""
    where = urlsplit(url)
    if (where.scheme != "https" and where.hostname not in LOOPBACK) or not where.hostname:
        raise Refused("the address of the service is no https:// address")
    limits = urllib3.Timeout(connect=TIMEOUT, read=TIMEOUT)
    given = {"Content-Type": content, "User-Agent": "headgate", "Connection": "close", **headers}
    # A pool for each request: a connection that the service has closed meanwhile would look like a request that broke off.
    with urllib3.PoolManager(ssl_context=ssl.create_default_context(), cert_reqs="CERT_REQUIRED") as pool:
        try:
            got = pool.request(
                "POST", url, body=body, headers=given, timeout=limits, redirect=False, retries=False, preload_content=False
            )  # fmt: skip
            return Answer(
                got.status, {name.lower(): value for name, value in got.headers.items()}, got.read(LARGEST) or b""
            )
        except NOT_SENT as error:
            raise Busy(_reason(error)) from None
        except (exceptions.HTTPError, OSError) as error:
            raise MaybeDelivered(_reason(error)) from None


def _reason(error: Exception) -> str:
    """As the operating system says it: the library's own texts may hold the address, which can be a secret."""
    return str(error.__cause__ or "") or (
        "timed out" if isinstance(error, exceptions.TimeoutError) else type(error).__name__
    )


def post(
    url: str, body: dict[str, Any] | bytes, headers: dict[str, str], is_confirmation: Callable[[Answer], bool], repeatable: bool = True
) -> Answer:  # fmt: skip
    """Posts JSON, patiently, and gives the answer if it is the service's confirmation. What is in doubt (no answer, a server error, an answer that
    is not the service's confirmation) is tried again if the receiver recognizes a repetition (`repeatable`); else it raises `MaybeDelivered`.
    Raises `Refused` for a redirect or another refusal, and `Busy`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def once() -> Answer:
        try:
            answer = ask(url, data, headers)
        except MaybeDelivered as doubt:
            raise (Busy(str(doubt)) if repeatable else doubt) from None
        status = answer.status
        if 300 <= status < 400:
            raise Refused(f"answered with a redirect ({status}), which is not followed")
        if status == 429:
            raise Busy("429 too many requests", answer.pause())
        if 400 <= status < 500:
            raise Refused(f"refused: {status}{_said(answer)}")
        if status < 300 and is_confirmation(answer):
            return answer
        reason = f"{status}{_said(answer)}" if status >= 500 else f"{status} without the service's confirmation"
        raise Busy(reason, answer.pause()) if repeatable else MaybeDelivered(reason)

    return patiently(once)


def _said(answer: Answer) -> str:
    """What the service says of its refusal, in one short line; services do not repeat credentials."""
    content = answer.content()
    text = next((content[name] for name in ("message", "error", "detail") if isinstance(content.get(name), str)), "")
    return f" {' '.join(text.split())[:200]}" if text else ""


def needed(secrets: Secrets, name: str) -> Any:
    """The member of the secret of that name. Raises `NotDelivered`."""
    known = secrets()
    if name not in known:
        raise Refused(f"the secret that AlertSecretArn names has no `{name}`")
    return known[name]


def stand_in(name: str) -> str | None:
    """The address of the local runtime's own receiver of that name; None on AWS."""
    base = os.environ.get("ALERT_SERVICES_URL")
    return f"{base}/{name}" if base else None


def referenced(secrets: Secrets, target: str, text_is: str) -> dict[str, str]:
    """What the secret has under the name in `secret:<name>`: an object of texts, or a text, which is then its member `text_is`.
    Raises `NotDelivered`."""
    name = target.removeprefix("secret:")
    if receiver := stand_in(name):
        return {"url": receiver, "key": "local"}
    found = needed(secrets, name)
    member = found if isinstance(found, dict) else {text_is: found}
    if not isinstance(member.get(text_is), str) or not all(isinstance(each, str) for each in member.values()):
        raise Refused(f"the secret that AlertSecretArn names has no text `{text_is}` under `{name}`")
    return member
