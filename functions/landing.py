"""Landing processor: records the files that have landed in buckets, which may complete the sets that products wait for. From the queue of the files."""

from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

import batch
import landed_files
import runtime
import ticks
from contract import require, shown
from state.errors import BadEvent


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The messages to deliver again."""
    recorder = landed_files.Recorder(runtime.state())

    def record(parsed: list[batch.Parsed], now: datetime) -> dict[int, str]:
        recorder.record([file for each in parsed for file in each["files"]], now)
        return {}

    answer = batch.process(event, context, parse, record)
    if recorder.recorded:
        ticks.set_next(runtime.now())  # a set that settles is looked at then
    return answer


def parse(body: dict[str, Any]) -> batch.Parsed | None:
    """The files of a message, {files: [...]}; None for what names none: tests of a configuration, objects that were removed, folders. A message of
    S3 itself or of EventBridge, which have the same facts under other names. Raises `BadEvent`."""
    if body.get("Event") == "s3:TestEvent":
        return None
    if body.get("source") == "aws.s3":
        found = [_of_bridge(body)] if body.get("detail-type") == "Object Created" else []
    elif isinstance(body.get("Records"), list):
        found = [_of_notification(each) for each in body["Records"] if _is_creation(each)]
    else:
        raise BadEvent("it is neither a notification of S3 (/Records) nor an event of S3 from EventBridge (/source)")
    files = [each for each in found if not (each["key"].endswith("/") and each["size"] == 0)]
    return {"files": [{**require(each, "landed-object"), "how": "event"} for each in files]} if files else None


def _is_creation(record: Any) -> bool:
    if not isinstance(record, dict) or not isinstance(record.get("eventName"), str):
        raise BadEvent(f"a record is {shown(record)}, without /eventName")
    return str(record["eventName"]).removeprefix("s3:").startswith("ObjectCreated:")


def _of_notification(record: dict[str, Any]) -> dict[str, Any]:
    """Its keys are encoded as in a form: `+` is a space, `%2B` a plus."""
    bucket, item = _part(record, "s3", "bucket"), _part(record, "s3", "object")
    try:
        key = unquote_plus(str(item.get("key")), errors="strict")
    except UnicodeDecodeError:
        raise BadEvent(f"/s3/object/key is {shown(item.get('key'))}, which is no UTF-8") from None
    names = {"version_id": "versionId", "sequencer": "sequencer", "etag": "eTag", "size": "size"}
    facts = {ours: item.get(theirs) for ours, theirs in names.items()}
    return {"bucket": bucket.get("name"), "key": key, "event_at": record.get("eventTime"), **facts}


def _of_bridge(event: dict[str, Any]) -> dict[str, Any]:
    """Its keys are as they are."""
    bucket, item = _part(event, "detail", "bucket"), _part(event, "detail", "object")
    names = {"version_id": "version-id", "sequencer": "sequencer", "etag": "etag", "size": "size"}
    facts = {ours: item.get(theirs) for ours, theirs in names.items()}
    return {"bucket": bucket.get("name"), "key": item.get("key"), "event_at": event.get("time"), **facts}


def _part(record: dict[str, Any], *names: str) -> dict[str, Any]:
    found: Any = record
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise BadEvent(f"/{'/'.join(names)} is missing or not an object")
    return found
