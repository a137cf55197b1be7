"""Questions: the status of a date, why a run is where it is, what happened. IAM decides who may call it; it changes nothing."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import day_status
import dead_letters
import forecasts
import letters
import mesh
import operations
import runtime
import shadow_answers
from columns import columns
from condition_tree import condition_tree
from console_links import linked
from contract import require
from event_dates import bounds
from pages import is_last
from state.answers import Row
from state.calls import State
from state.errors import BadEvent

PAGE = 2000  # rows a call at most; the state cuts a page by its bytes, below the Data API's mebibyte
MOST = 20_000  # rows an answer
MOST_BYTES = 4_000_000  # of an answer, to begin a further page: Lambda answers with six megabytes


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`status`: every product of a business date, with `since` (the `position` of an answer) only what has changed, with `columns` as columns. `why`: one run, what it waits for and what that waits for. `history`: what
    happened, oldest first; where it is more than an answer holds, the latest of it. `runs`: those of a product, oldest first. `product`: what its refresh events have to agree with. `open_runs`: how many each
    product has. `backfills`: how far each is, the latest first; `backfill`: the dates of files that one has found. `changes`: what deployments changed, the latest first, since the date and until the last one, if they are
    given. `mesh`: the products and their dependencies; `search`: the products that fit words. `files`: those that landed, the latest first; `file`: one of them; `batch`: one job run's. `health`: what could not be performed, loaded or opened, and how many messages lie in dead letter queues. `dead_letters`: the first of
    these messages; `dead_letter`: one of them, whole. `alerts`: what became of the alerts of a date or several, the latest first, and what is muted. `forecast`: when the products of a date will be ready, with `at_risk` those that are expected to miss their SLA; `critical_path`: the chain of inputs that has decided or will decide when one is, or when the most critical of the date is. Without a date it is the latest that has a run.
    `freshness`: the latest refresh of each product. `shadow`: what Headgate would have done otherwise than the existing scheduler. `preview`: what an operation would change, as `operate` answers it, for whoever may read.
    Raises `BadEvent`, `UnknownProduct`, `UnknownLetter`, `UnknownFile`; `preview` also what `operate` raises."""
    require(event, "inquire")
    state, product, now = runtime.state(), event.get("product"), runtime.now()
    match event["question"]:
        case "health":
            return _health(state, now)
        case "backfills":
            rows, more = _pages(lambda after: state.backfills(after, PAGE))
            return {"question": "backfills", "asked_at": now.isoformat(), "backfills": rows, "more": more}
        case "backfill":
            number = _given(event.get("backfill"), "backfill")
            rows, more = _pages(lambda after: state.landed_dates(number, after, PAGE))
            return {"question": "backfill", "asked_at": now.isoformat(), "dates": rows, "more": more}
        case "mesh":
            found = mesh.mesh(state, event.get("digest"), _pages, PAGE)
            return {"question": "mesh", "asked_at": now.isoformat(), **found}
        case "freshness":
            rows, more = _pages(lambda after: state.freshness_page(event.get("domain"), after, PAGE))
            found_rows = columns(rows, now.date()) if event.get("columns", False) else rows
            return {
                "question": "freshness",
                "business_date": str(now.date()),
                "asked_at": now.isoformat(),
                "products": found_rows,
                "more": more,
            }
        case "preview":
            return {
                "question": "preview",
                "asked_at": now.isoformat(),
                **_preview(state, _given(event.get("operation"), "operation"), now),
            }
        case "search":
            found = mesh.search(state, _given(event.get("words"), "words"), _pages)
            return {"question": "search", "asked_at": now.isoformat(), **found}
        case "files":
            on_date = date.fromisoformat(event["business_date"]) if "business_date" in event else None
            chosen = (event.get("status"), event.get("batch"), event.get("name"))
            rows, more = _pages(lambda before: state.files_page(product, on_date, *chosen, before, PAGE))
            return {"question": "files", "asked_at": now.isoformat(), "files": rows, "more": more}
        case "file":
            return {
                "question": "file",
                "asked_at": now.isoformat(),
                **state.describe_file(_given(event.get("file"), "file")),
            }
        case "batch":
            batch = state.describe_batch(_given(event.get("batch"), "batch"))
            return {"question": "batch", "asked_at": now.isoformat(), **linked(batch)}
        case "dead_letters":
            return {"question": event["question"], "asked_at": now.isoformat(), **letters.listed()}
        case "dead_letter":
            return letters.shown(_given(event.get("letter"), "letter"))
    first = date.fromisoformat(event["business_date"]) if "business_date" in event else state.latest_date(product, now)
    last = date.fromisoformat(event["until"]) if "until" in event else first
    answer = {"question": event["question"], "business_date": str(first), "asked_at": now.isoformat()}
    match event["question"]:
        case "status":
            wanted = event.get("domain"), event.get("since"), event.get("columns", False)
            return {**answer, **day_status.status(state, first, *wanted, _pages, PAGE, now)}
        case "alerts":
            rows, more = _pages(lambda after: state.alerts_page(product, event.get("domain"), first, last, after, PAGE))
            return {**answer, "until": str(last), "alerts": rows, "muted": state.mutes(now), "more": more}
        case "forecast":
            if product is not None:
                state.describe_product(product, now)
            at_risk = event.get("at_risk", False)
            rows, more = forecasts.forecast(state, first, product, at_risk, MOST, now)
            return {**answer, "products": rows, "more": more}
        case "critical_path":
            if product is not None:
                state.describe_product(product, now)
            path = state.critical_path(product, first, event.get("cycle"), now)
            return {**answer, "product": path[0]["product"] if path else product, "path": path[::-1]}
        case "shadow":
            return {**answer, "until": str(last), **shadow_answers.shadow(state, event, first, last, _pages, PAGE, now)}
        case "why":
            run = _explained(state, _named(product), first, event.get("cycle"), now)
            return {**answer, "run": linked(run), **_expected(state, run, first, now)}
        case "runs":
            return _runs(state, event, first, last, now)
        case "changes":
            since = datetime.combine(first if "business_date" in event else date.min, time(), UTC)
            until = datetime.combine(last, time(), UTC) + timedelta(days=1) if "until" in event else None
            what = product or event.get("domain")
            rows, more = _pages(lambda after: state.changes_between(what, since, until, after, PAGE))
            return {**answer, "changes": rows, "more": more}
        case "open_runs":
            rows, more = _pages(lambda after: state.open_runs_by_product(after, PAGE))
            return {**answer, "products": rows, "more": more}
        case "product":
            return {
                **answer,
                **state.describe_product(_named(product), now),
                "event_dates": [str(each) for each in bounds(now.date())],
            }
        case _:
            found = _history(state, product, first, last, _before(event))
            return {**answer, "until": str(last), **found, **_archived(state, product, first, last)}


def _preview(state: State, operation: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The same as `operate` answers with `preview`, and with the same digest."""
    given = {"actor": "preview", **operation, "preview": True}
    require(given, "operate")
    operations.check(given)
    request = operations.requested(given)
    return operations.trial(request, state.try_operation(request, now))


def _history(state: State, product: str | None, first: date, last: date, bound: str) -> dict[str, Any]:
    """The latest entries before the key `bound`, oldest first. With `more`, `before` is the key with which to ask for the earlier ones."""
    keys: list[str] = []

    def page(before: str) -> list[Row]:
        found = state.history_page(product, first, last, before or bound, PAGE, True)
        keys.extend(each.key for each in found)
        return found

    rows, more = _pages(page)
    return {"entries": rows[::-1], "more": more, **({"before": keys[len(rows) - 1]} if more else {})}


def _before(event: dict[str, Any]) -> str:
    key = str(event.get("before", ""))
    try:
        datetime.fromisoformat(key[:26] or "2000-01-01")
    except ValueError:
        raise BadEvent(f"inquire: /before is {key}, not the `before` of an answer to history") from None
    return key


def _expected(state: State, run: dict[str, Any], on_date: date, now: datetime) -> dict[str, Any]:
    """`forecast`: of a run that has not ended, and of the inputs that decide when it will be ready."""
    if run["status"] not in ("WAITING", "PROCESSING", "NOT OPENED"):
        return {}
    rows, _ = forecasts.forecast(state, on_date, run["product"], False, PAGE, now)
    return {"forecast": rows} if rows else {}


def _explained(state: State, product: str, on_date: date, cycle: str | None, now: datetime) -> dict[str, Any]:
    """With `tree`: the condition with what has arrived."""
    run = state.explain_run(product, on_date, cycle, now)
    if condition := state.condition_of(product, on_date, cycle):
        leaves, _ = _pages(lambda after: state.leaves_of_run(product, on_date, cycle, after, PAGE, now))
        run["tree"] = condition_tree(condition, leaves)
    return run


def _runs(state: State, event: dict[str, Any], first: date, last: date, now: datetime) -> dict[str, Any]:
    """Of a range of dates, or the latest so many until one."""
    name, cycle, count = _named(event.get("product")), event.get("cycle"), event.get("last", MOST)
    state.describe_product(name, now)
    since, until = (None, last if "until" in event else None) if "last" in event else (first, last)
    size = min(PAGE, count + 1)
    rows, more = _pages(lambda before: state.runs_page(name, since, until, cycle, before, size, now), size, count)
    runs = rows[::-1]
    if "last" in event and runs:
        first, last = (date.fromisoformat(runs[place]["business_date"]) for place in (0, -1))
    return {
        "question": "runs", "business_date": str(first), "asked_at": now.isoformat(), "until": str(last), "runs": runs, "more": more,
        **_archived(state, name, first, last),
    }  # fmt: skip


def _archived(state: State, product: str | None, first: date, last: date) -> dict[str, Any]:
    """`archived`: the objects of the history archive with runs or refresh events of these dates."""
    rows, more = _pages(lambda after: state.archived_between(product, first, last, after, PAGE))
    return {"archived": rows, "more_archived": more} if rows else {}


def _health(state: State, now: datetime) -> dict[str, Any]:
    rows, more = _pages(lambda after: state.parked_effects(after, PAGE))
    outbox = asdict(state.outbox_health(now))
    products, more_products = _pages(lambda after: state.products_with_errors(after, PAGE, now))
    return {
        "question": "health", "asked_at": now.isoformat(), "outbox": outbox, "parked": rows, "products": products,
        "more": more or more_products, "dead_letters": dead_letters.counts(), "retention": state.retention_health(), "ticks": state.last_ticks(),
        "signals": state.unused_signals(now),
    }  # fmt: skip


def _named(product: str | None) -> str:
    return str(_given(product, "product"))


def _given(value: Any, name: str) -> Any:
    if value is None:
        raise BadEvent(f"inquire: /{name} is missing")
    return value


def _pages(
    page_after: Callable[[str], list[Row]], page: int | None = None, most: int | None = None
) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a question that is answered in pages, and whether there are more than are given: `page` a call, `most` in all, a little more for the sake of
    whole pages by default. Nothing is asked after the last page."""
    rows: list[dict[str, Any]] = []
    position, size, limit = "", 0, most or MOST
    while len(rows) < limit and size < MOST_BYTES:
        found = page_after(position)
        if not found:
            return rows, False
        rows += [json.loads(each.entry) for each in found]
        if is_last(found, page or PAGE) and len(rows) <= limit:
            return rows, False
        size += sum(len(each.entry) for each in found)
        position = found[-1].key
    return rows[:most], True
