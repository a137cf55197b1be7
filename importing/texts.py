"""Descriptions and durations as metadata has them."""

import re

LONGEST = 1000


def one_line(text: str, otherwise: str) -> str:
    """The first paragraph of a description in one line without control characters; `otherwise` if there is none."""
    first = re.split(r"\n\s*\n", text.strip())[0] if text.strip() else ""
    line = re.sub(r"[\x00-\x1f\x7f\s]+", " ", first or otherwise).strip()
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3].rstrip()}..."


def duration(seconds: float) -> str:
    """`90s`, `60m`, `4h`, `7d`: the largest unit in which it is a whole number, rounded up to a second."""
    whole = max(1, int(-(-seconds // 1)))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole % size == 0 and (unit != "d" or whole > 3 * size):
            return f"{whole // size}{unit}"
    return f"{whole}s"


def whole_minutes(seconds: float) -> str:
    """The duration, rounded up to whole minutes."""
    return duration(60 * max(1, int(-(-seconds // 60))))
