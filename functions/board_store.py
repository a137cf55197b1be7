"""The snapshots in the bucket of the board, as a warm function keeps them: fetched again when they have changed."""

import gzip
import json
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from clients import client, code_of
from snapshot_places import HEADS, Place

FRESH = timedelta(seconds=4)  # how long the list of heads is taken as it is, whoever looks
MOST = 1_000  # objects in memory, of about ten kilobytes
MOST_ANSWERS = 16  # that were computed from them
THREADS = 16
Entry = dict[str, Any]


def objects() -> Any:
    return client("s3")


@dataclass(frozen=True)
class Head:
    """What there is of an application: `dates` that are kept up to date, each with its digest, and of these the `fresh` one, whose snapshot was written last; `domains` with counts of their
    products; `others`, domains of which it only hears; its regular `tick`;
    since when it is in `shadow`, [{since}], empty if it is not."""

    place: Place
    written_at: str
    business_date: str
    dates: dict[str, str]
    mesh: str
    domains: dict[str, dict[str, int]]
    others: frozenset[str]
    fresh: str
    tick: str
    shadow: list[Entry]

    @property
    def name(self) -> str:
        return self.place.name

    def knows(self, domain: str) -> bool:
        return domain in self.domains or domain in self.others


def in_shadow(heads: list[Head]) -> Entry:
    """The field `shadow` of an answer: which of the applications are in shadow, and since when. Of one alone without its name, as it says itself."""
    found = [{**each, "application": head.name} if len(heads) > 1 else each for head in heads for each in head.shadow]
    return {"shadow": found} if found else {}


class Store:
    """The snapshots of every application that puts them into the bucket."""

    def __init__(self, bucket: str, partition: str, make: Callable[[], Any] = objects) -> None:
        self._bucket, self._partition, self._make = bucket, partition, make
        self._heads: dict[str, tuple[str, Head]] = {}  # by key, with the tag of the object
        self._listed: datetime | None = None
        self._bodies: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._answers: OrderedDict[str, Entry] = OrderedDict()

    def heads(self, now: datetime) -> list[Head]:
        """Every application, by name. Whatever the number of those who look, the bucket is asked for what has changed once in four seconds."""
        if self._listed is None or not self._listed <= now < self._listed + FRESH:
            found = {
                each["Key"]: each["ETag"]
                for page in self._make().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=HEADS)
                for each in page.get("Contents", ())
            }
            changed = [key for key, tag in found.items() if self._heads.get(key, ("",))[0] != tag]
            with ThreadPoolExecutor(THREADS) as threads:
                read = dict(zip(changed, threads.map(self._head, changed), strict=True))
            kept = {key: each for key, each in self._heads.items() if key in found and key not in read}
            self._heads = kept | {key: (found[key], head) for key, head in read.items() if head is not None}
            self._listed = now
        return [head for _, (_, head) in sorted(self._heads.items())]

    def snapshot(self, head: Head, on_date: str) -> Entry:
        """What is known of a date that the head names."""
        return self._content(head.place.snapshot(on_date), head.dates[on_date])

    def mesh(self, head: Head) -> Entry:
        return self._content(head.place.mesh, head.mesh)

    def answer(self, tag: str, compute: Callable[[], Entry]) -> Entry:
        """What is computed for the tag, once for all who ask for it."""
        if tag not in self._answers:
            self._answers[tag] = compute()
            if len(self._answers) > MOST_ANSWERS:
                self._answers.popitem(last=False)
        return self._answers[tag]

    def _head(self, key: str) -> Head | None:
        try:
            given = json.loads(gzip.decompress(self._get(key)))
        except ClientError as error:
            if code_of(error) == "NoSuchKey":  # it was there when the bucket was listed
                return None
            raise
        fields = {name: given[name] for name in ("written_at", "business_date", "dates", "mesh", "domains")}
        newer = {
            "fresh": given.get("fresh", given["business_date"]),
            "tick": given.get("tick", ""),
            "shadow": given.get("shadow", []),
        }  # an application of the release before has neither
        return Head(Place.of_head(key, self._partition), **fields, **newer, others=frozenset(given["others"]))

    def _content(self, key: str, version: str) -> Entry:
        body = self._bodies.pop((key, version), None)
        if body is None:
            body = self._get(key)
        self._bodies[key, version] = body
        if len(self._bodies) > MOST:
            self._bodies.popitem(last=False)
        content: Entry = json.loads(gzip.decompress(body))
        return content

    def _get(self, key: str) -> bytes:
        body: bytes = self._make().get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body
