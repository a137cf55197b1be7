"""The critical path of a product in words: what came last at each link, and how much later the rest could have come."""

from collections.abc import Iterator
from datetime import datetime

from headgate.cli.formatting import Clock, Entry, input_name

SHOWN = 3  # other inputs of a link, those with the least slack first


def lines(path: list[Entry], clock: Clock) -> Iterator[str]:
    """`d/x: 05:00 to 05:30 (30 min), due by 08:00; not because of raw/b, which came 20 min before`"""
    for link, before in zip(path, [None, *path], strict=False):
        yield f"{input_name(link['product'])}: {_when(link, before, clock)}{_due(link, clock)}{_others(link)}"


def _when(link: Entry, before: Entry | None, clock: Clock) -> str:
    ready = _ready(link)
    if ready is None:
        return "not known" if link["status"] in ("UNKNOWN", "EXPECTED", "NOT OPENED") else str(link["status"])
    begun = link.get("released_at") or _ready(before or {})
    until = clock(ready) if "ready_at" in link else f"{clock(ready)} (expected)"
    if begun is None:
        return until
    minutes = round((datetime.fromisoformat(ready) - datetime.fromisoformat(begun)).total_seconds() / 60)
    reason = "" if "waits_for" in link or "reason" not in link else f", begun because: {link['reason']}"
    return f"{clock(begun)} to {until}, {minutes} min{reason}"


def _ready(link: Entry) -> str | None:
    """When it was ready, or is expected to be."""
    found: str | None = link.get("ready_at") or link.get("expected")
    return found


def _due(link: Entry, clock: Clock) -> str:
    """Its SLA, and by how much it is or will be kept or missed."""
    ready = _ready(link)
    if "due_at" not in link or ready is None:
        return ""
    spare = round((datetime.fromisoformat(link["due_at"]) - datetime.fromisoformat(ready)).total_seconds() / 60)
    return f"; due by {clock(link['due_at'])}, {abs(spare)} min {'before it' if spare >= 0 else 'too late'}"


def _others(link: Entry) -> str:
    """The inputs that could have come later without delaying it."""
    decides = link.get("waits_for", {}).get("product")
    rest = [each for each in link.get("inputs", ()) if each.get("slack") is not None and each["product"] != decides]
    if not rest:
        return ""
    named = ", ".join(f"{input_name(each['product'])} {round(each['slack'] / 60)} min" for each in rest[:SHOWN])
    more = f" and {len(rest) - SHOWN} more" if len(rest) > SHOWN else ""
    return f"; slack: {named}{more}"
