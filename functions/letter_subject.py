"""What a message is about, in a few words, whatever its body holds. Pure."""

import re
from typing import Any

from message_body import MAX_ALERT, read
from state.errors import BadEvent

LONGEST = 100  # characters
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def subject(body: str) -> str:
    """`COMPLETED of raw/rd1 for 2026-11-20 from account 111111111111`; the beginning of a body that says nothing."""
    try:
        named = _fields(read(body, MAX_ALERT))
    except BadEvent:
        named = ""
    text = _CONTROLS.sub("\ufffd", named or body[: LONGEST + 1])
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _fields(message: dict[str, Any]) -> str:
    detail = message.get("detail")
    if not isinstance(detail, dict):
        return _joined(
            ("alert", message.get("kind")), ("of", message.get("product")), ("for", message.get("business_date"))
        )
    if message.get("source") != "headgate":
        what = detail.get("jobName") or detail.get("name") or _signalled(detail)
        state = detail.get("state") or detail.get("status") or detail.get("eventType") or detail.get("typeOfChange")
        return _joined(("", message.get("detail-type")), ("of", what), ("to", state))
    product = f"{detail.get('domain')}/{detail.get('product')}"
    return _joined(
        ("", detail.get("status")),
        ("of", product),
        ("for", detail.get("business_date")),
        ("from account", message.get("account")),
    )


def _signalled(detail: dict[str, Any]) -> object:
    """What an event is about that may be a signal: a job of OpenLineage, an object, a table."""
    for part, name in (("job", "name"), ("object", "key")):
        if isinstance(detail.get(part), dict):
            return detail[part].get(name)
    return detail.get("tableName")


def _joined(*parts: tuple[str, object]) -> str:
    """The parts that are there, each after its word; nothing without the first."""
    if not parts[0][1]:
        return ""
    return " ".join(f"{word} {value}".strip() for word, value in parts if value)
