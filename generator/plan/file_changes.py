"""What differs between the files of a product in two catalogs, in sentences."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.model.duration import spoken
from headgate.generator.model.files import WAYS

Source = dict[str, Any]
FEW = 5  # values that are listed
KEYS = {
    "settle": "files settle for",
    "load": "load",
    "min_bytes": "smallest file in bytes",
    "on_correction": "on_correction",
    "reconcile": "prefix listed every",
    "via": "files reported through",
    "versioned": "bucket with versions",
}


def spoken_source(source: Source) -> str:
    """`in acme-landing/custodian/positions/: one for each region of EU, US, AP`"""
    return f"in {_place(source)}: {spoken_set(source)}"


def spoken_set(source: Source) -> str:
    """When a set is complete."""
    if source.get("sweep"):
        return "what is there when the schedule opens a run"
    complete = source["complete"]
    match next(key for key in WAYS if key in complete):
        case "values":
            return "one for each " + " and ".join(
                f"{group} of {_listed(values)}" for group, values in complete["values"].items()
            )
        case "count":
            return f"{complete['count']} of them"
        case "names":
            return _listed(complete["names"])
        case "parts":
            return "all parts that the names count"
        case "manifest":
            return f"what the manifest {complete['manifest']['name']} lists"
        case _:
            return f"what is there when the marker {complete['marker']} lands"


def differences(old: Source | None, new: Source | None) -> Iterator[str]:
    if old is None or new is None:
        if old != new:
            yield f"now waits for files {spoken_source(new)}" if new else "no longer waits for files"
        return
    for what, before, after in (
        ("files land in", _place(old), _place(new)),
        ("files are named", old["pattern"], new["pattern"]),
        ("date of files", _date(old), _date(new)),
        ("cycle of files", _cycle(old), _cycle(new)),
        ("waits for files:", spoken_set(old), spoken_set(new)),
    ):
        if before != after:
            yield f"{what} {before} -> {after}"
        elif what.endswith(":") and old["complete"] != new["complete"]:  # so neither is swept
            yield f"{what} other entries of {next(key for key in WAYS if key in new['complete'])}"
    for key, what in KEYS.items():
        if old[key] != new[key]:
            yield f"{what} {_shown(key, old[key])} -> {_shown(key, new[key])}"


def _place(source: Source) -> str:
    return f"{source['bucket_name']}/{source['prefix']}"


def _listed(values: list[str]) -> str:
    return ", ".join(values[:FEW]) + (f" and {len(values) - FEW} more" if values[FEW:] else "")


def _date(source: Source) -> str:
    date = source["date"]
    if not date:
        return "that of the opening"
    offset = f" {date['offset']:+d}" if date["offset"] else ""
    if "group" in date:
        return f"{date['group']} by {date['format']}{offset}"
    return f"their arrival until {date['day_ends'] or 'midnight'} {date['timezone']}{offset}"


def _cycle(source: Source) -> str:
    return (
        str(source["cycle"]["group"]) if source["cycle"] else "that of the opening" if source.get("sweep") else "none"
    )


def _shown(key: str, value: Any) -> str:
    if key in ("settle", "reconcile"):
        return "never" if value is None else spoken(value)
    return "on" if value is True else "off" if value is False else str(value)
