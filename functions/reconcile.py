"""Finds files that no event has reported: lists the prefixes of sources, each as often as its metadata says."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from clients import LONGEST_CALL
from landed_files import Recorder, objects
from state.answers import Json
from state.calls import State


def list_source(state: State, listed: Json, now: datetime, left: Callable[[], float]) -> int | None:
    """Records what the prefix of the source {product_id, source, since} has that was put since then. Gives how many files were unknown; None if the time
    was not enough: then it is listed again from the beginning with the next tick."""
    recorder, since = Recorder(state), datetime.fromisoformat(listed["since"])
    source = listed["source"]
    for page in _pages(source):
        recorder.record([*_files(source, page, since)], now)
        if left() < LONGEST_CALL:
            return None
    state.record_listed(listed["product_id"], now)
    return recorder.recorded


def _pages(source: Json) -> Iterator[dict[str, Any]]:
    where = {"Bucket": source["bucket_name"], "Prefix": source["prefix"]}
    kind = "list_object_versions" if source["versioned"] else "list_objects_v2"
    pages: Iterator[dict[str, Any]] = objects().get_paginator(kind).paginate(**where)
    return pages


def _files(source: Json, page: dict[str, Any], since: datetime) -> Iterator[Json]:
    """The versions of a page that were put since then, as files, without folders. One from before the bucket had versions has the id `null`."""
    for each in page.get("Versions", []) + page.get("Contents", []):
        if each["LastModified"] < since or (each["Key"].endswith("/") and each["Size"] == 0):
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
        }
