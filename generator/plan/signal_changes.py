"""What differs between the signals of a product in two catalogs, in sentences."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.model.duration import spoken

Entry = dict[str, Any]
KINDS = {
    "openlineage": "the dataset",
    "states": "the state machine",
    "table": "the table",
    "object": "objects in the bucket",
}


def spoken_signal(signal: Entry) -> str:
    """`the table sales.orders`"""
    return f"{KINDS[signal['kind']]} {signal['subject'].replace(chr(10), ' ')}"


def differences(old: Entry | None, new: Entry | None) -> Iterator[str]:
    if old is None or new is None:
        if old != new:
            yield f"now refreshed by {spoken_signal(new)}" if new else "no longer refreshed by a signal"
        return
    was, now = spoken_signal(old), spoken_signal(new)
    if was != now:
        yield f"refreshed by {was} -> {now}"
    for key in ("naming", "date", "cycle", "account"):
        if old[key] != new[key]:
            yield f"{key} of the signal changed"
    if old["settle"] != new["settle"]:
        yield f"the signal settles for {spoken(old['settle'])} -> {spoken(new['settle'])}"
