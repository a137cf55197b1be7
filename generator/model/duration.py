"""Durations in metadata: `90s`, `60m`, `4h`, `7d`; in the model: seconds."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """The seconds of a duration that the schema has accepted."""
    return int(text[:-1]) * _UNITS[text[-1]]


def spoken(total: int) -> str:
    """Seconds in words: one unit where that is exact and the number small, else the two largest (`8h30m`)."""
    for unit, limit in (("d", 1000), ("h", 72), ("m", 100), ("s", 100)):
        count, rest = divmod(total, _UNITS[unit])
        if not rest and count < limit and (unit != "d" or count > 2):
            return f"{count}{unit}"
    parts, rest = [], total
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])
