"""Retention, once a day: runs and refresh events that have outlived their time are written to the archive and deleted here; what else has outlived
its time is deleted. An object is durable before anything that it holds is deleted, and what one call leaves is due for the next."""

import gzip
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import runtime
from clients import client, described
from contract import require
from state.answers import ArchivePage
from state.calls import State
from state.errors import StateError

ENTRIES = 250  # of a page at most: two or three answers of the Data API
ROWS = 2_000  # of a kind that one call of the state deletes at most
LEASE = timedelta(minutes=20)  # of a page: longer than a function can take
TRIES = 3  # of a page that changes while it is written
TIME_TO_END = 60  # seconds: a page that was begun, and recording what came of it


def objects() -> Any:
    return client("s3")


@dataclass(frozen=True, slots=True)
class Days:
    """How many days runs with their history and refresh events stay in the database (`history`), effects that are done and alerts (`details`),
    and objects in the archive."""

    history: int
    details: int
    archive: int

    @classmethod
    def of_environment(cls) -> "Days":
        return cls(int(os.environ["HISTORY_DAYS"]), int(os.environ["DETAIL_DAYS"]), int(os.environ["ARCHIVE_DAYS"]))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What was archived and deleted; `complete` is false if time was over before all was. Raises the errors of S3 and of the state, after the
    report that `headgate health` shows has them."""
    require(event, "schedule")
    now = runtime.now()
    retention = Retention(
        runtime.state(), Days.of_environment(), os.environ["ARCHIVE_BUCKET"], now, runtime.time_left(context)
    )
    error = None
    try:
        complete = retention.delete_spent() and retention.archive()
    except Exception as raised:
        complete, error = False, described(raised)
        raise
    finally:
        report = {**retention.report(), "complete": complete, **({"error": error} if error else {})}
        print(json.dumps({"retention": report}))
        if not retention.busy:  # what the other call reports stands, above all its error: Lambda calls again after one
            runtime.state().record_retention(report, now)
    return report


@dataclass
class Retention:
    """One call: its moment, and the seconds it has left."""

    state: State
    days: Days
    bucket: str
    now: datetime
    left: Callable[[], float]
    archived: Counter[str] = field(default_factory=lambda: Counter(runs=0, refresh_events=0), init=False)
    deleted: Counter[str] = field(default_factory=Counter, init=False)
    busy: bool = field(default=False, init=False)  # another call has a page

    def report(self) -> dict[str, Any]:
        counts = {"archived": dict(self.archived), "deleted": dict(self.deleted)}
        return {**counts, "days": asdict(self.days), "bucket": self.bucket}

    def delete_spent(self) -> bool:
        """Deletes what has no archive. False if time was over before the end."""
        while self.left() > TIME_TO_END:
            deleted = self.state.delete_spent(self.days.history, self.days.details, self.days.archive, ROWS, self.now)
            self.deleted.update(deleted)
            if max(deleted.values()) < ROWS:
                return True
        return False

    def archive(self) -> bool:
        """Archives page after page. False if time was over before the end, or another call is at work."""
        while self.left() > TIME_TO_END:
            page = self.state.claim_archive_page(self.days.history, ENTRIES, self.now, LEASE)
            if page.page is None:
                self.busy = page.busy
                return not self.busy
            self.archived[page.kind] += self._archived(page)
        return False

    def _archived(self, page: ArchivePage) -> int:
        """How many entries were written and then deleted here. The object of a page has one name, however often it is written: an entry that
        left the page meanwhile, because its run was started again, is not in the archive either."""
        key = f"{page.kind}/business_date={page.business_date}/{page.page}.jsonl.gz"
        for _ in range(TRIES):
            text = "".join(f"{line}\n" for line in self._lines(str(page.page))).encode()
            body = gzip.compress(text, mtime=0)
            objects().put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/gzip")
            digest, location = hashlib.sha256(text).hexdigest(), f"s3://{self.bucket}/{key}"
            done = self.state.finish_archive_page(str(page.page), digest, location, self.now)
            if done is not None:
                return done
        raise StateError(f"page {page.page} was written {TRIES} times, and the state held other lines each time")

    def _lines(self, page: str) -> Iterator[str]:
        position, line = "", ""
        while pieces := self.state.archive_lines(page, position):
            for piece in pieces:
                if piece.key.endswith(" 000000000000") and line:
                    yield line
                    line = ""
                line += piece.entry
            position = pieces[-1].key
        if line:
            yield line
