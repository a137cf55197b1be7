"""Durations in metadata: `90s`, `60m`, `4h`, `7d`; in the model: seconds."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """The seconds of a duration that the schema has accepted."""
    return int(text[:-1]) * _UNITS[text[-1]]


def spoken(total: int) -> str:
    """Seconds as metadata would write them: the largest unit that divides evenly, else the two largest (`1h30m`)."""
    for unit in ("d", "h", "m"):
        if total and total % _UNITS[unit] == 0 and (unit != "d" or total >= 2 * 86400):
            return f"{total // _UNITS[unit]}{unit}"
    if total < 60:
        return f"{total}s"
    parts, rest = [], total
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])
