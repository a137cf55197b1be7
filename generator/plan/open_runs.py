"""The products whose open runs a difference of two catalogs concerns. `load_catalog` of the state does it to their runs."""

from dataclasses import dataclass
from typing import Any

from headgate.generator.plan.changes import dependencies_of

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OpenRunChanges:
    """Waiting runs of the products in `conditions` take the new condition; those of the products in `cancelled` end CANCELLED."""

    conditions: tuple[str, ...]
    cancelled: tuple[str, ...]


def open_run_changes(old: Entry, new: Entry) -> OpenRunChanges:
    before, after = old.get("products", {}), new.get("products", {})
    ran = sorted(key for key, each in before.items() if "machine" in each)
    stays = [key for key in ran if "machine" in after.get(key, {}) and _home(old, key) == _home(new, key)]
    return OpenRunChanges(
        tuple(key for key in stays if _condition(old, before[key]) != _condition(new, after[key])),
        tuple(sorted(set(ran) - set(stays))),
    )


def _home(catalog: Entry, key: str) -> tuple[str | None, str | None]:
    domain = catalog.get("domains", {}).get(key.split("/")[0], {})
    return domain.get("account"), domain.get("region")


def _condition(catalog: Entry, entry: Entry) -> tuple[Any, ...]:
    """All that decides what a run waits for: the condition, the cycles of its upstream products, the calendar that moves its dates, and whether
    it waits for files, of its cycle or of the date. When these are complete is no part of the run."""
    leaves = list(dependencies_of(entry.get("depends_on")))
    cycles = {
        leaf["product"]: _cycles(catalog, leaf["product"]) for leaf in leaves if leaf["cycle"] in ("last", "every")
    }
    shifts = any(leaf["offset"] and "max_age" not in leaf for leaf in leaves)
    calendar = (entry.get("schedule") or {}).get("calendar")
    files = entry.get("files")
    return (
        entry.get("depends_on"),
        cycles,
        catalog.get("calendars", {}).get(calendar) if shifts else None,
        files and bool(files["cycle"]),
    )


def _cycles(catalog: Entry, product: str) -> list[str]:
    """The times of a day at which the product opens, where there are several."""
    schedule = catalog["products"].get(product, {}).get("schedule")
    times: list[str] = schedule["fires"]["times"] if schedule else []
    return times if len(times) > 1 else []
