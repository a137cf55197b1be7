"""Which source an object is a file of, and what is recorded of it: by its name, and by the content of manifests."""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chunks import chunks
from clients import client, code_of
from event_dates import out_of_bounds
from file_names import Named, named
from state.answers import Json
from state.calls import State

PAGE = 1000  # rows a call
MOST_BYTES = 2_000_000  # of JSON a call; the Data API takes 4 MiB
LARGEST_MANIFEST = 2_000_000  # bytes
GONE = ("NoSuchKey", "NoSuchVersion", "404")


def objects() -> Any:
    return client("s3")


@dataclass
class Recorder:
    """Records files, and keeps the sources of their buckets meanwhile. `recorded` counts those that were new."""

    state: State
    recorded: int = 0
    _sources: dict[str, list[Json]] = field(default_factory=dict, init=False)

    def record(self, files: list[Json], now: datetime) -> None:
        """Objects {bucket, key, version_id, sequencer, etag, size, event_at, how}. Those recorded before change nothing. Raises `StateError`, and the
        error of S3 where a manifest cannot be read now."""
        for chunk in chunks(self.all_described(files, now), MOST_BYTES, PAGE):
            self.recorded += self.state.record_files(chunk, now).recorded

    def rematch(self, now: datetime) -> tuple[int, int]:
        """Looks again at files of no source that may have one by now. Gives how many have one, and how many runs that released."""
        matched = released = 0
        while rows := self.state.unmatched_files(PAGE, now):
            files = [json.loads(each.entry) for each in rows]
            self._learn_sources({each["bucket"] for each in files})
            described = [self.described({**each, "key": each["object"]}, now) for each in files]
            for chunk in chunks(described, MOST_BYTES, PAGE):
                found = self.state.rematch_files(chunk, now)
                matched, released = matched + found.matched, released + found.released
        return matched, released

    def all_described(self, files: list[Json], now: datetime) -> list[Json]:
        """The objects as they are recorded."""
        self._learn_sources({each["bucket"] for each in files})
        return [self.described(each, now) for each in files]

    def described(self, file: Json, now: datetime) -> Json:
        """The file as it is recorded (contract `FileSeen`). Of no source: without a product. With `reason` it is rejected."""
        for source in self._sources[file["bucket"]]:
            if found := named(source["source"], file["key"]):
                problem = found.problem or _out_of_bounds(found, now)
                expected = None
                if found.kind == "manifest" and problem is None:
                    expected, problem = _manifest(source["source"], file)
                facts = {key: each for key, each in asdict(found).items() if key not in ("date", "problem")}
                of_source = {"product_id": source["product_id"], "business_date": found.date, "reason": problem}
                return {**file, **facts, **of_source, "expected": expected}
        return {**file, "product_id": None, "kind": "data"}

    def _learn_sources(self, buckets: set[str]) -> None:
        if not (unknown := sorted(buckets - self._sources.keys())):
            return
        self._sources |= {each: [] for each in unknown}
        after = ""
        while rows := self.state.sources(unknown, after, PAGE):
            for each in rows:
                found = json.loads(each.entry)
                self._sources[found["source"]["bucket_name"]].append(found)
            after = rows[-1].key


def _out_of_bounds(found: Named, now: datetime) -> str | None:
    why = out_of_bounds("date", found.date, now.date()) if found.date else None
    return why.removeprefix("/detail/") if why else None


def _manifest(source: Json, file: Json) -> tuple[list[Json] | None, str | None]:
    """The files [{name, size, md5}] that the manifest names, or why it cannot be used."""
    version = {"VersionId": file["version_id"]} if file["version_id"] else {}
    try:
        answer = objects().get_object(Bucket=file["bucket"], Key=file["key"], **version)
    except ClientError as error:
        if code_of(error) in GONE:
            return None, "the manifest is gone"
        raise
    if answer["ContentLength"] > LARGEST_MANIFEST:
        return None, f"the manifest has {answer['ContentLength']:,} bytes; at most {LARGEST_MANIFEST:,} can be read"
    try:
        return _entries(json.loads(answer["Body"].read()), source["complete"]["manifest"]), None
    except (ValueError, RecursionError) as error:
        return None, f"the manifest cannot be read: {error}"


def _entries(content: Any, keys: Json) -> list[Json]:
    """Raises `ValueError`."""
    listed = content.get(keys["entries"]) if isinstance(content, dict) and keys.get("entries") else content
    if not isinstance(listed, list):
        raise ValueError(f'"{keys.get("entries")}" is no list')
    return [_entry(each, keys) for each in listed]


def _entry(given: Any, keys: Json) -> Json:
    if isinstance(given, str):
        return {"name": given, "size": None, "md5": None}
    name = given.get(keys["file"]) if isinstance(given, dict) else None
    if not isinstance(name, str) or "\0" in name:
        raise ValueError(f'an entry has no "{keys["file"]}"')
    size, md5 = (given.get(keys[each]) if keys.get(each) else None for each in ("size", "md5"))
    if size is not None and (not str(size).isdecimal() or len(str(size)) > 18):
        raise ValueError(f'"{keys["size"]}" of {name} is no number of bytes')
    return {"name": name, "size": None if size is None else int(size), "md5": str(md5).lower() if md5 else None}
