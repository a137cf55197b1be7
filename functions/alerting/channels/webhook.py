"""Webhooks: the facts and the text as JSON, posted to the URL, signed as standardwebhooks.com describes it."""

import base64
import binascii
import hashlib
import hmac
import json
from urllib.parse import urlsplit

import runtime
from alerting.conversation import Conversation
from alerting.delivery import Answer, Delivery, Refused, Secrets, post, referenced
from alerting.message import Alert, Message

RECOGNIZES_REPETITION = True  # by the Idempotency-Key
SEARCHES = False
PAGES = False
UPDATES = False


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str:
    """The key of the alert. The target is a URL, or `secret:<name>` of a URL or of an object {url, key}; with a key the request is signed.
    Raises `NotDelivered`."""
    key, target = str(delivery["key"]), delivery["target"]
    receiver = referenced(secrets, target, "url") if target.startswith("secret:") else {"url": target}
    conversation = Conversation.of(delivery)
    body = {**alert, "title": message.title, "text": message.text(), "links": dict(message.links), "alert_key": key,
            "action": conversation.action, "severity": conversation.severity, "cause_key": conversation.key}  # fmt: skip
    data = json.dumps(body).encode()
    post(receiver["url"], data, {"Idempotency-Key": key, **signature(receiver.get("key"), key, data)}, _is_taken)
    return key


def signature(secret: str | None, key: str, body: bytes) -> dict[str, str]:
    """The headers of a signed request: HMAC-SHA256 with the secret over `<id>.<seconds since 1970>.<body>`. Without a secret none."""
    if secret is None:
        return {}
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    at = str(int(runtime.now().timestamp()))
    made = hmac.new(_key(secret), b".".join((name.encode(), at.encode(), body)), hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(made).decode()}",
    }


def _key(secret: str) -> bytes:
    """`whsec_` is followed by the key in Base64; any other text is the key itself."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise Refused("the key of the webhook begins with whsec_ and goes on with what is not Base64") from None


def _is_taken(answer: Answer) -> bool:
    """Any answer of success is the receiver's confirmation, except a page, which a proxy or a sign-in gives."""
    return not answer.is_page()


def shown(target: str) -> str:
    """The host alone: a URL may hold a secret."""
    return target if target.startswith("secret:") else urlsplit(target).hostname or ""
