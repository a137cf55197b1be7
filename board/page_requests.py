"""What the page asks for, as text in an address and as JSON, and how it is refused. `functions/page_requests.py` is a link to this file."""

import json
from collections.abc import Mapping
from typing import Any

STATUS = {
    "UnknownProduct": 404, "UnknownRun": 404, "UnknownLetter": 404, "UnknownFile": 404, "BadEvent": 400, "NotAllowed": 403, "NotIdentified": 403,
    "NoPipeline": 409, "IllegalTransition": 409, "ChangedMeanwhile": 409, "TooMuch": 409, "NotProposed": 409,
}  # fmt: skip
UNREACHABLE = 502
MOST_BYTES = 100_000  # of the body of an action
NUMBERS = {"file", "batch", "last"}


class AnswerError(Exception):
    """An application refuses or does not answer. The message is for the person at the page."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = STATUS.get(kind, UNREACHABLE)


def question_of(name: str, about: Mapping[str, str]) -> dict[str, Any]:
    """The event of the question with the fields of an address. Raises `AnswerError`."""
    event: dict[str, Any] = {"question": name, **about}
    for each in NUMBERS & event.keys():
        if not event[each].isdigit():
            raise AnswerError("BadEvent", f"{each} is {event[each]}, which is no number")
        event[each] = int(event[each])
    if "columns" in event:
        event["columns"] = event["columns"] == "true"
    if name == "preview":
        event["operation"] = _operation(about.get("operation", ""))
    return event


def _operation(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise AnswerError(
            "BadEvent", "the question preview needs `operation`, a JSON object with the action and its fields"
        )
    return given


def action_of(body: bytes, content_type: str) -> dict[str, Any]:
    """The fields of an action. Raises `AnswerError`."""
    if content_type.split(";")[0] != "application/json":  # a form of another page cannot send that
        raise AnswerError("BadEvent", "the body of an action is JSON")
    check_size(body)
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise AnswerError("BadEvent", "the body of an action is a JSON object")
    return given


def check_size(body: bytes) -> None:
    """Raises `AnswerError` if an action has no body as large as this."""
    if len(body) > MOST_BYTES:
        raise AnswerError("BadEvent", f"the body of an action has at most {MOST_BYTES:,} bytes")


def check_bound(given: Mapping[str, Any]) -> None:
    """Raises `AnswerError` unless the action is a preview, or bound to one by its digest."""
    if not (given.get("preview") is True or given.get("expect")):
        raise AnswerError("BadEvent", "an action needs the digest of its preview in `expect`; nothing has been changed")
