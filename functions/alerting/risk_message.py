"""The forecast in an alert AT_RISK, in the words of `headgate forecast`."""

from collections.abc import Callable
from typing import Any

NOTABLE = 5 * 60  # seconds from the usual time that are worth a word
VERBS = {"done": "came", "running": "runs", "source": "comes", "waiting": "is"}
Clock = Callable[[str], str]


def sentence(fact: dict[str, Any], clock: Clock) -> str:
    """`08:25, between 08:15 and 08:40: raw/rd4 comes 40 minutes later than usual`"""
    return ": ".join(part for part in (_moment(fact, clock), _reason(fact)) if part)


def _moment(fact: dict[str, Any], clock: Clock) -> str:
    expected = clock(fact["expected"])
    if "high" not in fact:
        return f"by {expected}" if fact["basis"] == "deadline" else f"not before {expected}"
    low, high = clock(fact["low"]), clock(fact["high"])
    return expected if low == high else f"{expected}, between {low} and {high}"


def _reason(fact: dict[str, Any]) -> str:
    basis, late = fact.get("because_basis", fact["basis"]), fact.get("because_late", 0)
    name = input_name(fact["because"]) if "because" in fact else "it"
    match basis:
        case "held":
            return f"{name} is held"
        case "failed":
            return f"{name} has failed"
        case "deadline":
            return f"{name} has no history; this is its deadline"
        case "ended" | "unknown":
            return f"nothing is known of {name}"
    if abs(late) < NOTABLE:
        return (
            f"waits for {input_name(fact['waits_for'])}" if fact["basis"] == "waiting" and "waits_for" in fact else ""
        )
    than = ("longer" if basis == "running" else "later") if late > 0 else "earlier"
    return f"{name} {VERBS[basis]} {_spelled(abs(late))} {than} than usual"


def input_name(name: str) -> str:
    return f"files of {name.removesuffix('#files')}" if name.endswith("#files") else name


def _spelled(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"
