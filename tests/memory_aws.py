"""AWS in memory, for a day whose processes are all in one: what `DiskAws` keeps in a folder, and what S3 lists."""

import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from tests.disk_aws import DiskAws, Facts, refused


class MemoryAws(DiskAws):
    """`listed` gives the pages of the versions under a prefix, `stopped` is called for each job run that is asked to stop: it may go on for a while."""

    listed: Callable[[str, tuple[str, str] | None], Iterator[list[Facts]]]
    stopped: Callable[[str], None]

    def __init__(self) -> None:
        self._done: dict[str, list[Facts]] = defaultdict(list)
        self._objects: dict[tuple[str, str], bytes] = {}
        self.put_at: dict[str, datetime] = {}  # by version

    def done(self, kind: str) -> list[Facts]:
        return self._done[kind]

    def do(self, kind: str, **facts: Any) -> None:
        self._done[kind].append(json.loads(json.dumps(facts)))

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str = "") -> Facts:  # noqa: N803
        self._objects[Bucket, Key] = Body
        return {}

    def get_object(self, Bucket: str, Key: str) -> Facts:  # noqa: N803
        if (Bucket, Key) not in self._objects:
            raise refused("NoSuchKey")
        return {"Body": io.BytesIO(self._objects[Bucket, Key])}

    def stop_execution(self, executionArn: str, **why: str) -> None:  # noqa: N803
        """It has ended by itself by then."""

    def batch_stop_job_run(self, JobName: str, JobRunIds: list[str]) -> Facts:  # noqa: N803
        for each in JobRunIds:
            self.stopped(each)
        return {}

    def get_paginator(self, operation: str) -> "Pages":
        return Pages(self)


class Pages:
    """Of `list_object_versions`."""

    def __init__(self, aws: MemoryAws) -> None:
        self._aws = aws

    def paginate(self, Prefix: str, KeyMarker: str = "", VersionIdMarker: str = "", **_: str) -> Iterator[Facts]:  # noqa: N803
        after = (KeyMarker, VersionIdMarker) if KeyMarker else None
        for page in self._aws.listed(Prefix, after):
            yield {"Versions": page}
