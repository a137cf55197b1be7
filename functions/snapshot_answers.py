"""What snapshots say of a question, as its answer. Pure: `found` are the snapshots by the name of their application, and `readable` gives of rows those that are asked for and may be seen."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import merging
from columns import columns, rows

Entry = dict[str, Any]
Readable = Callable[[list[Any]], list[Any]]


def status(found: Mapping[str, Entry], on_date: date, readable: Readable | None) -> Entry:
    """Without `readable` every row is given."""
    given = {name: each["status"] for name, each in found.items()}
    if len(given) == 1 and readable is None:
        ((_, answer),) = given.items()
        products = answer["products"]
    else:
        read = {name: {"products": _of(readable, rows(each["products"], on_date))} for name, each in given.items()}
        products = columns(merging.merged(read).get("products", []), on_date)
    more = any(each["more"] for each in given.values())
    return {"written_at": _oldest(found), "live": True, "whole": True, "products": products, "more": more}


def forecast(found: Mapping[str, Entry], on_date: date, readable: Readable | None) -> Entry:
    all_rows = [row for each in found.values() for row in _of(readable, each["forecast"]["products"])]
    return {"products": all_rows, "more": any(each["forecast"]["more"] for each in found.values())}


def critical_path(found: Mapping[str, Entry], on_date: date, readable: Readable | None) -> Entry:
    """The critical path of the day, of those that lead to a product which may be seen. Its other links may be of any domain, as what `why` says a product waits for."""
    paths = (each.get("critical_path", []) for each in found.values())
    seen = [path for path in paths if path and _of(readable, path[-1:])] or [[]]
    chosen = merging.most_critical({"path": each} for each in seen)
    return {"product": chosen["path"][-1]["product"] if chosen["path"] else None, **chosen}


def freshness(found: Mapping[str, tuple[date, Entry]], on_date: date, readable: Readable | None) -> Entry:
    """Of each application its date that was written last, and the snapshot of it. One of the release before says nothing."""
    fresh = [
        row
        for its, each in found.values()
        if "freshness" in each
        for row in _of(readable, rows(each["freshness"]["products"], its))
    ]
    return {"products": columns(fresh, on_date), "more": False}


OF_A_DATE = {"status": status, "forecast": forecast, "critical_path": critical_path}


def _of(readable: Readable | None, given: list[Any]) -> list[Any]:
    return given if readable is None else readable(given)


def _oldest(found: Mapping[str, Entry]) -> str:
    return min(str(each["written_at"]) for each in found.values())
