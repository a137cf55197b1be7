"""Files from the moment they land: messages of S3 and of EventBridge, odd names, manifests, and files that no event told of."""

import io
import json
import unicodedata
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

import landed_files
import landing
import runtime
from state.errors import BadEvent
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke, queue
from tests.state_files import BUCKET, PREFIX, positions, statuses
from tests.state_world import World, at, product

LOADED = at("2026-11-20 00:00")
EU, US, AP = (f"positions_{each}_20261120.csv.gz" for each in ("EU", "US", "AP"))
FORMATTED = "%Y-%m-%dT%H:%M:%S.000Z"


@pytest.fixture(autouse=True)
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)


def notified(
    name: str, version: str | None = "1", size: int = 10, kind: str = "ObjectCreated:Put", at: datetime = NOW
) -> dict[str, Any]:
    """The message of S3 itself."""
    item = {"key": quote_plus(PREFIX + name, safe="/"), "size": size, "eTag": "e", "sequencer": version or "00A"}
    item |= {"versionId": f"v{version}"} if version else {}
    record = {
        "eventName": kind,
        "eventTime": at.strftime(FORMATTED),
        "s3": {"bucket": {"name": BUCKET}, "object": item},
    }
    return {"Records": [record]}


def bridged(name: str, version: str = "1", kind: str = "Object Created") -> dict[str, Any]:
    """The event of EventBridge."""
    item = {"key": PREFIX + name, "size": 10, "etag": "e", "version-id": f"v{version}", "sequencer": version}
    return {
        "source": "aws.s3",
        "detail-type": kind,
        "time": NOW.strftime(FORMATTED),
        "detail": {"bucket": {"name": BUCKET}, "object": item},
    }


def load(world: World, complete: dict[str, Any] | None = None, **more: Any) -> None:
    world.load({"raw/positions": positions(complete, **more)}, LOADED)


def receive(*bodies: Any) -> None:
    assert invoke("landing", queue(*bodies)) == {"batchItemFailures": []}


def released(world: World) -> bool:
    return world.run("raw/positions", TODAY)["released_at"] is not None


def test_the_last_file_starts_the_machine_that_the_first_has_opened(world: World, aws: FakeAws) -> None:
    load(world)
    receive(notified(EU), notified(US))
    (execution,) = aws.executions
    assert execution.endswith("m_positions:positions-2026-11-20-1")
    assert not released(world)
    receive(bridged(AP))
    assert released(world)


def test_each_put_is_one_file_however_often_and_by_whatever_way_it_is_told(world: World) -> None:
    load(world, {"count": 2}, pattern=".*", date={"arrival": True, "day_ends": None, "timezone": "UTC", "offset": 0})
    name = "my+file+1%2B1 für 2026.csv"
    receive(*[notified(name)] * 3, *[bridged(name)] * 3)
    receive(bridged(name), notified(name))
    assert world.sql("SELECT key, version_id, business_date::text FROM landing_file") == [(PREFIX + name, "v1", TODAY)]
    assert not released(world)


NAMES = [
    "with space.csv", "a+b.csv", "100%25.csv", "%2525.csv", "'quotes\"$$.csv", unicodedata.normalize("NFC", "für.csv"),
    unicodedata.normalize("NFD", "für.csv"), "x" * (1024 - len(PREFIX) - 4) + ".csv", "\\back\\slash.csv", "emoji 🌊.csv",
]  # fmt: skip


def test_odd_names_are_kept_as_they_are(world: World) -> None:
    load(
        world,
        {"count": len(NAMES)},
        pattern=".*",
        date={"arrival": True, "day_ends": None, "timezone": "UTC", "offset": 0},
    )
    receive(*[notified(each) for each in NAMES])
    receive(*[bridged(each) for each in NAMES])
    assert sorted(statuses(world)) == sorted(NAMES)
    assert released(world)


def test_what_is_no_file_leaves_no_row(world: World, aws: FakeAws) -> None:
    load(world)
    test = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": "2026-11-20T06:00:00.000Z",
        "Bucket": BUCKET,
        "RequestId": "x",
        "HostId": "y",
    }
    receive(
        test,
        notified("", size=0),
        notified("sub/", size=0),
        notified(EU, kind="ObjectRemoved:DeleteMarkerCreated"),
        bridged(EU, kind="Object Deleted"),
    )
    assert world.sql("SELECT count(*) FROM landing_file") == [(0,)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"a": 1}, "neither a notification of S3"),
        ({"Records": [{"eventName": "ObjectCreated:Put"}]}, "/s3/bucket is missing"),
        ({"Records": ["x"]}, "a record is"),
        ({**notified(EU), "Records": [{**notified(EU)["Records"][0], "eventTime": "yesterday"}]}, "/event_at is"),
        (bridged("\0"), "/key is"),
        (notified(EU, size=-1), "/size is"),
    ],
)
def test_a_message_that_cannot_be_read_is_a_bad_event(body: dict[str, Any], said: str) -> None:
    with pytest.raises(BadEvent, match=said):
        landing.parse(body)


def test_names_that_are_no_utf8_are_a_bad_event() -> None:
    body = notified(EU)
    body["Records"][0]["s3"]["object"]["key"] = "a%FFb"
    with pytest.raises(BadEvent, match="no UTF-8"):
        landing.parse(body)


def test_a_date_far_ahead_is_rejected(world: World) -> None:
    load(world, {"count": 1})
    receive(notified("positions_EU_20281120.csv.gz"))
    assert world.sql("SELECT status, reason FROM landing_file") == [
        ("REJECTED", "date is 2028-11-20, more than 7 days ahead of 2026-11-20")
    ]


def test_a_file_of_no_source_becomes_one_when_its_source_is_deployed(world: World, aws: FakeAws) -> None:
    world.load({"d/x": product(None, None, name="x")}, LOADED)
    receive(notified(EU), notified(US), notified("other.txt"))
    assert statuses(world) == {EU: ["UNMATCHED"], US: ["UNMATCHED"], "other.txt": ["UNMATCHED"]}
    world.load({"raw/positions": positions({"count": 2})}, NOW + timedelta(minutes=1))
    assert world.state.next_ticks(NOW + timedelta(minutes=2)).look is not None
    later = NOW + timedelta(minutes=5)
    assert landed_files.Recorder(world.state).rematch(later) == (2, 1)
    assert statuses(world) == {EU: ["RECEIVED"], US: ["RECEIVED"], "other.txt": ["UNMATCHED"]}
    assert released(world)
    assert landed_files.Recorder(world.state).rematch(later) == (0, 0)
    assert world.state.unmatched_files(10, later) == []


class Manifests:
    """S3, as far as manifests are read."""

    def __init__(self, content: Any) -> None:
        self.content = content
        self.asked: list[dict[str, str]] = []

    def get_object(self, **given: str) -> dict[str, Any]:
        self.asked.append(given)
        if isinstance(self.content, str):
            raise ClientError({"Error": {"Code": self.content, "Message": "m"}}, "GetObject")
        body = self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()
        return {"ContentLength": len(body), "Body": io.BytesIO(body)}


MANIFEST = {
    "manifest": {"name": "positions_{date}.json", "entries": "files", "file": "name", "size": "bytes", "md5": None}
}


def test_a_manifest_is_read_by_its_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    load(world, MANIFEST)
    manifests = Manifests({"files": [{"name": EU, "bytes": 10}, {"name": US, "bytes": "10"}]})
    monkeypatch.setattr(landed_files, "objects", lambda: manifests)
    receive(notified(EU), notified("positions_20261120.json"))
    assert manifests.asked == [{"Bucket": BUCKET, "Key": f"{PREFIX}positions_20261120.json", "VersionId": "v1"}]
    assert not released(world)
    receive(notified(US))
    assert released(world)


def test_a_manifest_that_names_a_further_file_is_waited_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world, MANIFEST, settle=120)
    monkeypatch.setattr(landed_files, "objects", lambda: Manifests({"files": [{"name": EU}]}))
    receive(notified("positions_20261120.json"), notified(EU))
    monkeypatch.setattr(landed_files, "objects", lambda: Manifests({"files": [{"name": EU}, {"name": US}]}))
    receive(notified("positions_20261120.json", "2"))
    assert world.state.settle_files(NOW + timedelta(hours=1)) == 0
    receive(notified(US))
    assert world.state.settle_files(NOW + timedelta(hours=1)) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "the manifest cannot be read: Expecting property name"),
        ({"items": []}, 'the manifest cannot be read: "files" is no list'),
        ({"files": [{"path": EU}]}, 'the manifest cannot be read: an entry has no "name"'),
        (
            {"files": [{"name": EU, "bytes": "many"}]},
            f'the manifest cannot be read: "bytes" of {EU} is no number of bytes',
        ),
        ("NoSuchKey", "the manifest is gone"),
        (b" " * 2_000_001, "the manifest has 2,000,001 bytes; at most 2,000,000 can be read"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_rejected(
    world: World, monkeypatch: pytest.MonkeyPatch, content: Any, reason: str
) -> None:
    load(world, MANIFEST)
    monkeypatch.setattr(landed_files, "objects", lambda: Manifests(content))
    receive(notified("positions_20261120.json"))
    ((status, said),) = world.sql("SELECT status, reason FROM landing_file")
    assert (status, said[: len(reason)]) == ("REJECTED", reason)


def test_a_manifest_that_cannot_be_read_now_keeps_no_other_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world, MANIFEST)
    monkeypatch.setattr(landed_files, "objects", lambda: Manifests("SlowDown"))
    answer = invoke("landing", queue(notified("positions_20261120.json"), notified(EU)))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert statuses(world) == {EU: ["RECEIVED"]}


@pytest.mark.parametrize("versioned", [True, False])
def test_what_no_event_told_of_is_found_by_listing(
    world: World, monkeypatch: pytest.MonkeyPatch, versioned: bool
) -> None:
    """And its late event changes nothing, nor does the next listing."""
    day = timedelta(days=1)
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        if versioned:
            s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        monkeypatch.setattr(landed_files, "objects", lambda: s3)
        monkeypatch.setattr("reconcile.objects", lambda: s3)
        put = [s3.put_object(Bucket=BUCKET, Key=PREFIX + each, Body=b"x" * 10) for each in (EU, US)]
        s3.put_object(Bucket=BUCKET, Key=PREFIX, Body=b"")
        landed = s3.head_object(Bucket=BUCKET, Key=PREFIX + EU)["LastModified"]
        world.load({"raw/positions": positions({"count": 2}, reconcile=86400, versioned=versioned)}, landed - day)
        monkeypatch.setattr(runtime, "now", lambda: landed + timedelta(seconds=1))
        assert invoke("monitor", {})["listed"] == 2
        assert statuses(world) == {EU: ["RECEIVED"], US: ["RECEIVED"]}
        assert released(world)
        late = notified(EU, at=landed)
        item = late["Records"][0]["s3"]["object"]
        item |= {"versionId": put[0]["VersionId"]} if versioned else {}
        item |= {"eTag": put[0]["ETag"].strip('"')}
        if not versioned:
            del item["versionId"]
        receive(late)
        monkeypatch.setattr(runtime, "now", lambda: landed + day + timedelta(seconds=2))
        assert invoke("monitor", {})["listed"] == 0
    assert world.sql("SELECT count(*), count(sequencer) FROM landing_file") == [(2, 1)]
