"""What people ask: the status of a date, why a run is where it is, what happened. IAM decides who may call it; it changes nothing."""

import json
from typing import Any

import runtime
from contract import require
from state.database import Typed
from state.errors import BadEvent

PAGE = 500  # rows a call, below the Data API's mebibyte
MOST = 20_000  # rows an answer, below the six megabytes Lambda answers with


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`status`: every product of a business date. `why`: one run, what it waits for and what that waits for. `history`: what
    happened, oldest first. Without a date it is the latest that has a run. Raises `BadEvent`, `UnknownProduct`."""
    require(event, "inquire")
    product, now = event.get("product"), runtime.now()
    date = event.get("business_date") or runtime.database().call("latest_date", product, now)
    first, last = Typed(date, "date"), Typed(event.get("until", date), "date")
    answer = {"question": event["question"], "business_date": date, "asked_at": now.isoformat()}
    match event["question"]:
        case "status":
            rows, more = _pages("status_of_day", [first, event.get("domain")], [now])
            return {**answer, "products": rows, "more": more}
        case "why":
            if product is None:
                raise BadEvent("inquire: /product is missing")
            return {**answer, "run": runtime.database().call("explain_run", product, first, event.get("cycle"), now)}
        case _:
            rows, more = _pages("history_of", [product, first, last], [])
            return {**answer, "until": str(last), "entries": rows, "more": more}


def _pages(function: str, before: list[Any], after: list[Any]) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a SQL function that gives a page after a key, and whether there are more than are given."""
    rows: list[dict[str, Any]] = []
    position = ""
    while len(rows) < MOST:
        page = runtime.database().rows(function, *before, position, PAGE, *after)
        if not page:
            return rows, False
        rows += [json.loads(entry) for _, entry in page]
        position = page[-1][0]
    return rows, True
