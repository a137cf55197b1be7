"""A hosted board for 100 accounts of 700 products: what a look weighs, how long the function takes, its memory, and what it costs a month.

    python benchmarks/board_hosted.py

Prints the tables of docs/board.md. The snapshots are written here, in the form of functions/board_snapshot.py, and the function is called as the API calls it;
the time of S3 is not in it. Prices are list prices of us-east-1 as of November 2026; they change, and the quantities are what counts.
"""

import base64
import gzip
import hashlib
import io
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "functions")]
os.environ |= {
    "BOARD_ISSUER": "https://login.example.com", "BOARD_CLIENT_ID": "board", "BOARD_SCOPE_PREFIX": "", "BOARD_TOKEN_ORIGIN": "", "BOARD_CLAIM": "",
    "BOARD_PERMISSIONS": "", "BOARD_PARTITION": "aws", "SNAPSHOTS_BUCKET": "b", "AWS_DEFAULT_REGION": "us-east-1",
    "LAYERS": str(ROOT / "board" / "page"),
}  # fmt: skip

import board_answers  # noqa: E402
import board_snapshot  # noqa: E402
import hosted_board  # noqa: E402
import runtime  # noqa: E402
from board_store import Store  # noqa: E402
from columns import columns  # noqa: E402
from snapshot_places import Place  # noqa: E402

ACCOUNTS, PRODUCTS, DOMAINS = 100, 700, 10  # in all, of an account, of an account
DAY, NOW = date(2026, 11, 20), datetime(2026, 11, 20, 9, tzinfo=UTC)
STATES = ["COMPLETED"] * 60 + ["PROCESSING"] * 8 + ["WAITING"] * 20 + ["NOT OPENED"] * 10 + ["ERROR"] * 2

# Dollars, us-east-1, November 2026: aws.amazon.com/<service>/pricing
API_CALL, INVOCATION, GIGABYTE_SECOND = 1.00 / 1e6, 0.20 / 1e6, 0.0000133334
PUT, LIST, GET = 0.005 / 1e3, 0.005 / 1e3, 0.0004 / 1e3
FIFO_REQUEST, DATA_API, TRANSFER_GIGABYTE, LOG_GIGABYTE = 0.50 / 1e6, 0.35 / 1e6, 0.09, 0.50
# A month of 22 days, in which products change and people look for eight hours.
DAYS, HOURS = 22, 8
CHANGED_WINDOWS = 2_000  # of ten seconds a day and account in which something changes: 700 runs, most of them in the hours of the night's end
CALLS_A_SNAPSHOT = 6  # of the database, where one date has changed; counted by tests/test_hosted_board.py
SNAPSHOT_SECONDS, SNAPSHOT_GIGABYTES = 0.6, 0.5
PEOPLE = 50  # who look at once, all day at a page that asks for everything:
EVERY = {"status": 8, "forecast": 30, "mesh": 30, "freshness": 60}  # seconds between two questions (board/page)
FUNCTION_GIGABYTES = 1.0


@dataclass
class Bucket:
    """S3 in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def put_object(self, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.objects[Key] = Body

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        keys = [key for key in self.objects if key.startswith(Prefix)]
        yield {"Contents": [{"Key": key, "ETag": hashlib.md5(self.objects[key]).hexdigest()} for key in keys]}  # noqa: S324


def rows(account: int, chance: random.Random) -> list[dict[str, Any]]:
    found = []
    for number in range(PRODUCTS):
        name = f"domain-{account:03}-{number % DOMAINS}/product-{number:03}"
        opened = NOW - timedelta(hours=3, seconds=chance.randrange(3600))
        status = chance.choice(STATES)
        row = {"product": name, "key": name, "owner": f"team-{number % DOMAINS}", "status": status, "attempt": 1, "opened_at": opened.isoformat(), "due_at": "2026-11-20T11:00:00+00:00"}  # fmt: skip
        if status in ("COMPLETED", "PROCESSING", "ERROR"):
            row |= {"released_at": opened.isoformat(), "started_at": (opened + timedelta(seconds=chance.randrange(99))).isoformat()}  # fmt: skip
        if status in ("COMPLETED", "ERROR"):
            row["finished_at"] = (opened + timedelta(seconds=600 + chance.randrange(5000))).isoformat()
        if status == "WAITING":
            row["missing"] = [f"domain-{account:03}-{(number + 1) % DOMAINS}/product-{(number + 1) % PRODUCTS:03}"]
        found.append(row)
    return found


def fill(bucket: Bucket) -> None:
    """The snapshots of every account, by the code that writes them."""
    board_snapshot.objects = lambda: bucket  # type: ignore[assignment]
    os.environ["BOARD_BUCKET"] = "b"
    chance = random.Random(1)  # noqa: S311 - no secret
    for account in range(ACCOUNTS):
        its = rows(account, chance)
        place = Place(f"{account:012}", "us-east-1", "headgate-")
        forecast = [{"product": each["product"], "cycle": "", "basis": "running", "expected": (NOW + timedelta(seconds=chance.randrange(9000))).isoformat(), "due_at": each["due_at"]} for each in its if each["status"] != "COMPLETED"]  # fmt: skip
        fresh = [
            {
                "product": each["product"],
                "business_date": str(DAY),
                "refreshed_at": each.get("finished_at", each["opened_at"]),
            }
            for each in its
        ]
        path = [
            {
                "product": each["product"],
                "business_date": str(DAY),
                "status": each["status"],
                "opened_at": each["opened_at"],
            }
            for each in its[:20]
        ]
        content = {"status": {"products": columns(its, DAY), "more": False}, "forecast": {"products": forecast, "more": False}, "critical_path": path, "freshness": {"products": columns(fresh, DAY)}}  # fmt: skip
        board_snapshot._put(place.snapshot(str(DAY)), content, NOW)
        names = columns([{"product": each["product"], "owner": each["owner"], "description": f"What {each['product']} holds", "pipeline": True} for each in its], date.min)  # fmt: skip
        mesh = {"digest": str(account), "products": names, "others": [], "dependencies": {"to": list(range(1, PRODUCTS)), "from": list(range(PRODUCTS - 1)), "leaf": [0] * (PRODUCTS - 1), "any": []}, "more": False}  # fmt: skip
        board_snapshot._put(place.mesh, mesh, NOW)
        head = {"application": place.name, "business_date": str(DAY), "dates": {str(DAY): str(account)}, "mesh": str(account), **board_snapshot._counts(its)}  # fmt: skip
        board_snapshot._put(place.head, head, NOW)


def asked(question: str, tag: str = "", **about: str) -> tuple[int, int, float, str]:
    """Status, bytes that go to the browser, milliseconds of the function, and the tag."""
    claims = {"iss": "https://login.example.com", "sub": "u", "scope": "headgate/read"}
    event = {
        "routeKey": "GET /api/{question}", "rawPath": "", "pathParameters": {"question": question}, "queryStringParameters": about,
        "headers": {"accept-encoding": "gzip", "if-none-match": tag}, "requestContext": {"authorizer": {"jwt": {"claims": claims}}},
    }  # fmt: skip
    before = time.perf_counter()
    answer = hosted_board.handler(event, None)
    took = (time.perf_counter() - before) * 1000
    return answer["statusCode"], len(base64.b64decode(answer["body"])), took, answer["headers"].get("etag", "")


def measure() -> Iterator[str]:
    bucket = Bucket()
    fill(bucket)
    runtime.now = lambda: NOW
    store = Store("b", "aws", lambda: bucket)
    hosted_board.store = lambda: store  # type: ignore[assignment]
    page = sum(len(gzip.compress(body, 6)) for name, (kind, body, _) in hosted_board._files().items() if kind.startswith(("text/javascript", "text/css", "text/html")))  # fmt: skip
    kinds = {kind: [len(body) for key, body in bucket.objects.items() if kind in key] for kind in (str(DAY), "mesh", "heads/")}  # fmt: skip
    yield f"{ACCOUNTS} accounts of {PRODUCTS} products; bytes are compressed, times are of one call without S3, in a function that has just started"
    yield ""
    yield "| | bytes | ms |"
    yield "|---|---|---|"
    yield f"| the page itself, once a release | {page:,} | |"
    status, size, took, tag = asked("status", columns="true")
    assert status == 200
    yield f"| first look: every domain with its numbers | {size:,} | {took:,.0f} |"
    status, size, took, _ = asked("status", tag, columns="true")
    assert (status, size) == (304, 0)
    yield f"| the same, nothing has changed | {size:,} | {took:,.1f} |"
    for title, question, about in (
        ("a domain", "status", {"domain": "domain-042-3"}),
        ("its mesh (the account's)", "mesh", {"domain": "domain-042-3"}),
        ("its forecast", "forecast", {"domain": "domain-042-3", "business_date": str(DAY)}),
        ("of which date its products are there", "freshness", {"domain": "domain-042-3"}),
        ("an account", "status", {"application": "000000000042/us-east-1/headgate-"}),
    ):
        status, size, took, _ = asked(question, columns="true", **about)
        assert status == 200
        yield f"| {title} | {size:,} | {took:,.0f} |"
    board_answers.WHOLE = 10**9
    _, size, took, _ = asked("status", columns="true")
    yield f"| in place of all that: the rows of {ACCOUNTS * PRODUCTS:,} products at once | {size:,} | {took:,.0f} |"
    for kind, title in ((str(DAY), "a snapshot of a date in the bucket"), ("mesh", "a mesh in the bucket"), ("heads/", "a head in the bucket")):  # fmt: skip
        yield f"| {title} | {max(kinds[kind]):,} | |"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * (1024 if sys.platform == "darwin" else 1))
    yield ""
    yield f"Memory of the process, this benchmark included: {peak:,.0f} MB"
    yield ""
    yield from costs(size_of_look=asked("status", domain="domain-042-3")[1])


def costs(size_of_look: int) -> Iterator[str]:
    snapshots = CHANGED_WINDOWS * 30 * ACCOUNTS
    polls = PEOPLE * HOURS * DAYS * 3600 * sum(1 / seconds for seconds in EVERY.values())
    refreshed = (
        HOURS * DAYS * 3600 / 10 * ACCOUNTS
    )  # heads that a warm function reads again, if each account changes all the time
    given = {
        f"Snapshots: {CHANGED_WINDOWS:,} a day and account, two objects each": snapshots * 2 * PUT,
        "their queue: a message, and receiving and deleting it": snapshots * 4 * FIFO_REQUEST,
        f"their function: {SNAPSHOT_SECONDS} s at 512 MB": snapshots
        * (INVOCATION + SNAPSHOT_SECONDS * SNAPSHOT_GIGABYTES * GIGABYTE_SECOND),
        f"their calls of databases that are awake: {CALLS_A_SNAPSHOT} each": snapshots * CALLS_A_SNAPSHOT * DATA_API,
        f"Looking: {PEOPLE} people, {HOURS} hours, {DAYS} days, {len(EVERY)} questions every {min(EVERY.values())} to {max(EVERY.values())} s: the API": polls
        * API_CALL,
        "the function: 30 ms at 1 GB": polls * (INVOCATION + 0.03 * FUNCTION_GIGABYTES * GIGABYTE_SECOND),
        "listing and reading heads, by three warm functions": 3 * (HOURS * DAYS * 3600 / 4 * LIST + refreshed * GET),
        "data to browsers, half of the answers new": polls / 2 * size_of_look / 1e9 * TRANSFER_GIGABYTE,
        "access logs: 400 bytes a request": polls * 400 / 1e9 * LOG_GIGABYTE,
    }
    yield f"| {ACCOUNTS} accounts, a month | |"
    yield "|---|---|"
    for what, dollars in given.items():
        yield f"| {what} | ${dollars:,.2f} |"
    yield f"| together | ${sum(given.values()):,.2f} |"


if __name__ == "__main__":
    print("\n".join(measure()))
