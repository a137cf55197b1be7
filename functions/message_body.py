"""Reads the body of a message: JSON of bounded size and depth, whose numbers and texts the state can keep as they are."""

import json
import math
from typing import Any

from state.database import NOT_HELD
from state.errors import BadEvent

MAX_EVENT = 64 * 1024  # characters
MAX_SIGNAL = 256 * 1024  # what EventBridge carries: others put what they like into their events
MAX_ALERT = 256 * 1024  # what SNS and SQS carry: the cause of a failure can be long
MAX_DEPTH = 32
MAX_DIGITS = 19  # 64 bits


def read(text: str, most: int = MAX_EVENT) -> dict[str, Any]:
    """The object that a body of at most `most` characters holds. Raises `BadEvent`, with the reason."""
    if len(text) > most:
        raise BadEvent(f"{len(text):,} characters; a message has at most {most:,}")
    try:
        body = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise BadEvent(f"nested too deep; a message has at most {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise BadEvent(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadEvent("not a JSON object")
    _check(body)
    return body


def _check(body: dict[str, Any]) -> None:
    """Without recursion: the parser may allow more levels than Python can then go through."""
    level: list[Any] = [body]
    for _ in range(MAX_DEPTH):
        for text in level:
            if isinstance(text, str) and NOT_HELD.search(text):
                raise BadEvent("a text holds a NUL or half of a character, which the state cannot keep")
        level = [*_members(level)]
        if not level:
            return
    raise BadEvent(f"nested too deep; a message has at most {MAX_DEPTH} levels")


def _members(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if isinstance(value, dict):
            found += value.keys()
            found += value.values()
        elif isinstance(value, list):
            found += value
    return found


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits):,} digits; expected at most {MAX_DIGITS}")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no number that can be kept")
    return number
