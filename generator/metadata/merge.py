"""A domain's defaults under a product's own keys."""

from typing import Any

# Keys that exclude each other: naming one in the product drops the others' defaults.
_ALTERNATIVES = (
    (frozenset({"cron"}), frozenset({"frequency", "time", "day"})),
    (frozenset({"all_of"}), frozenset({"any_of"})),
)


def merge(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """`own` over `defaults`: mappings merge, everything else replaces, an empty value removes its default (RFC 7396).

    An empty value with no default to remove stays, for the schema to report.
    """
    if not defaults:
        return own
    dropped: set[str] = set()
    for one, other in _ALTERNATIVES:
        if one & own.keys():
            dropped |= other
        elif other & own.keys():
            dropped |= one
    merged = {key: value for key, value in defaults.items() if key not in dropped}
    for key, value in own.items():
        if key not in merged:
            merged[key] = value
        elif value is None:
            del merged[key]
        elif isinstance(value, dict) and isinstance(merged[key], dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged
