"""Finds files that no event has reported: lists the prefixes of sources, each as often as its metadata says, and what lay there before for backfills."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from chunks import chunks
from clients import LONGEST_CALL
from landed_files import MOST_BYTES, PAGE, Recorder, objects
from state.answers import Json
from state.calls import State


def list_source(state: State, listed: Json, now: datetime, left: Callable[[], float]) -> int | None:
    """Records what the prefix of the source {product_id, source, since} has that was put since then. Gives how many files were unknown; None if the time
    was not enough: then it is listed again from the beginning with the next tick."""
    recorder, since = Recorder(state), datetime.fromisoformat(listed["since"])
    source = listed["source"]
    for page in _pages(source, source["prefix"]):
        recorder.record(
            [each for each in _files(source, page) if datetime.fromisoformat(each["event_at"]) >= since], now
        )
        if left() < LONGEST_CALL:
            return None
    state.record_listed(listed["product_id"], now)
    return recorder.recorded


def list_for_backfill(state: State, listing: Json, now: datetime, left: Callable[[], float]) -> int | None:
    """Records what lies under the prefix of a backfill {backfill, product_id, source, prefix, key, version_id}, from where the last call ended. Gives how
    many runs were opened at the end; None if the time was not enough, or somebody else goes on."""
    source, number = listing["source"], listing["backfill"]
    recorder, place = Recorder(state), (listing["key"], listing["version_id"])
    for page in _pages(source, listing["prefix"], place) if source else ():
        for part in chunks(_files(source, page), MOST_BYTES, PAGE):
            files = [each for each in recorder.all_described(part, now) if each["product_id"] == listing["product_id"]]
            last = (part[-1]["key"], part[-1]["version_id"] or ("null" if source["versioned"] else None))
            if not state.record_listing(number, *place, files, len(part), *last, now):
                return None
            place = last
        if left() < LONGEST_CALL:
            return None
    return state.finish_listing(number, now)


def _pages(source: Json, prefix: str, after: tuple[str | None, str | None] = (None, None)) -> Iterator[dict[str, Any]]:
    """The pages of a list, from what comes after the object of that key and version."""
    where = {"Bucket": source["bucket_name"], "Prefix": prefix}
    key, version = after
    if source["versioned"]:
        where |= {"KeyMarker": key, "VersionIdMarker": version} if key and version else {}
        kind = "list_object_versions"
    else:
        where |= {"StartAfter": key} if key else {}
        kind = "list_objects_v2"
    pages: Iterator[dict[str, Any]] = objects().get_paginator(kind).paginate(**where)
    return pages


def _files(source: Json, page: dict[str, Any]) -> Iterator[Json]:
    """The versions of a page as files, without folders. One from before the bucket had versions has the id `null`."""
    for each in page.get("Versions", []) + page.get("Contents", []):
        if each["Key"].endswith("/") and each["Size"] == 0:
            continue
        version = each.get("VersionId", "null")
        yield {
            "bucket": source["bucket_name"],
            "key": each["Key"],
            "version_id": None if version == "null" else version,
            "sequencer": None,
            "etag": each["ETag"].strip('"'),
            "size": each["Size"],
            "event_at": each["LastModified"].isoformat(),
            "how": "listed",
            "latest": each.get("IsLatest", True),
        }
