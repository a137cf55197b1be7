"""Writes what the hosted board shows of this application into the bucket of the board. From a queue, at most every ten seconds after the state has changed."""

import gzip
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

import day_status
import forecasts
import mesh
import runtime
from columns import columns
from pages import is_last
from snapshot_places import Place
from state.answers import Row
from state.calls import State

DATES = 3  # that are kept up to date: the latest, and those before it
FULL = timedelta(hours=1)  # after which a date is written again, changed or not: rows also change with the time
AGAIN = timedelta(days=1)  # and after which the mesh is
ELSEWHERE = {"REFRESHED", "FAILED", "EXPECTED"}  # the statuses of a product that another account refreshes
PAGE = 2_000  # rows a call of the database
STATES = ("failed", "late", "held", "running", "waiting", "done")
Entry = dict[str, Any]


@dataclass
class Written:
    """What this warm function has written of a date: as of which position of the question `status`, and when."""

    position: str
    digest: str
    when: datetime
    counts: Entry


_dates: dict[str, Written] = {}
_mesh: dict[str, datetime] = {}  # when this warm function has written the mesh of a digest
_modes: dict[str, Entry] = {}  # what it has written into a head of whether the application is in shadow


@cache
def objects() -> Any:
    config = Config(connect_timeout=2, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("s3", config=config)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Which objects were written: the snapshot of each date that has changed, the mesh after a deployment, and at last the head, which names them. The last
    dates of which the question `status` has runs are kept up to date; the head names them, and as `fresh` the one that was written last."""
    state, now = runtime.state(), runtime.now()
    place = Place.of_machines(os.environ["STATE_MACHINE_ARN_PREFIX"])
    news = state.snapshot_news({each: _dates[each].position for each in _dates}, DATES, now)
    written = [key for each in news.dates for key in _write_date(state, place, each, now)]
    written += _write_mesh(state, place, now)
    dates = [each["business_date"] for each in news.dates]
    for gone in _dates.keys() - set(dates):
        del _dates[gone]
    shadow = day_status.in_shadow(news.shadow_since)
    if written or _modes.get(place.head) != shadow:
        head = {
            "application": place.name,
            "business_date": dates[0],
            "dates": {each: _dates[each].digest for each in dates},
            "fresh": max(dates, key=lambda each: (_dates[each].when, each)),
            "mesh": _latest_mesh(),
            "tick": os.environ["REGULAR_TICK"],
            **shadow,
            **_dates[dates[0]].counts,
        }
        written.append(_put(place.head, head, now))
        _modes[place.head] = shadow
    return {"written": written}


def _write_date(state: State, place: Place, news: Entry, now: datetime) -> list[str]:
    """The position was read before the rows: what changes while they are read is found by the next snapshot."""
    name, position = news["business_date"], news["position"]
    on_date, known = date.fromisoformat(name), _dates.get(name)
    if known and not news["changed"] and now - known.when < FULL:
        known.position = position
        return []
    rows, _ = _all(lambda after: state.status_of_day(on_date, None, after, PAGE, now))
    forecast, _ = forecasts.forecast(state, on_date, None, False, sys.maxsize, now)
    freshness, _ = _all(lambda after: state.freshness_page(None, after, PAGE))
    content = {
        "status": {"products": columns(rows, on_date), "more": False},
        "forecast": {"products": forecast, "more": False},
        "critical_path": state.critical_path(None, on_date, None, now)[::-1],
        "freshness": {
            "products": columns(freshness, on_date)
        },  # of every date: the newest is in the snapshot that was written last
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
    key = _put(place.snapshot(name), content, now)
    _dates[name] = Written(position, digest, now, _counts(rows))
    return [key]


def _write_mesh(state: State, place: Place, now: datetime) -> list[str]:
    found = mesh.mesh(state, _latest_mesh(), _all, PAGE)
    if found.get("unchanged") and now - _mesh[found["digest"]] < AGAIN:
        return []
    whole = mesh.mesh(state, None, _all, PAGE) if found.get("unchanged") else found
    _mesh[whole["digest"]] = now
    return [_put(place.mesh, whole, now)]


def _latest_mesh() -> str | None:
    return max(_mesh, key=lambda each: _mesh[each], default=None)


def _all(page_after: Callable[[str], list[Row]]) -> tuple[list[Entry], bool]:
    """Every row: a file is not bounded as an answer is."""
    rows: list[Entry] = []
    position = ""
    while found := page_after(position):
        rows += [json.loads(each.entry) for each in found]
        if is_last(found, PAGE):
            break
        position = found[-1].key
    return rows, False


def _put(key: str, content: Entry, now: datetime) -> str:
    text = json.dumps({"written_at": now.isoformat(), **content}, ensure_ascii=False, separators=(",", ":"))
    body = gzip.compress(text.encode(), 6)
    objects().put_object(Bucket=os.environ["BOARD_BUCKET"], Key=key, Body=body, ContentType="application/gzip")
    return key


def _counts(rows: Iterable[Entry]) -> Entry:
    """`domains`: of each domain of this application how many products there are and in which state. `others`: domains of which it only hears."""
    domains: dict[str, dict[str, int]] = {}
    others = set()
    for row in rows:
        domain = row["product"].split("/")[0]
        if row["status"] in ELSEWHERE:
            others.add(domain)
        else:
            counts = domains.setdefault(domain, dict.fromkeys(("products", *STATES), 0))
            counts["products"] += 1
            counts[_state(row)] += 1
    return {"domains": domains, "others": sorted(others - domains.keys())}


def _state(row: Entry) -> str:
    """What is late counts as that, whatever it does; what nobody goes on with as failed, as on the first page."""
    is_stuck = row.get("parked") and row["status"] in ("WAITING", "PROCESSING")
    if row["status"] == "ERROR" or row.get("opening_error") or is_stuck:
        return "failed"
    if row["status"] in ("COMPLETED", "SKIPPED", "CANCELLED", "ARCHIVED"):
        return "done"
    if row.get("late") or (row.get("missed") and not row.get("scheduled_at")):
        return "late"
    if row.get("held"):
        return "held"
    return "running" if row["status"] == "PROCESSING" else "waiting"
