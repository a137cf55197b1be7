# ruff: noqa: N803 - boto3's names
"""The hosted board as its API calls it: requests of people with claims, a bucket of snapshots, and the functions of applications in this process."""

import base64
import gzip
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import board_applications
import board_settings
import board_snapshot
import board_store
import hosted_board
import runtime
from page_requests import AnswerError
from snapshot_places import Place
from state.errors import StateError
from tests.board_world import NOW
from tests.handler_steps import invoke

PAGE = Path(__file__).parent.parent / "board" / "page"
BUCKET = "board-snapshots"
ISSUER = "https://login.example.com/tenant"
EVERYTHING = "openid headgate/read headgate/operate"
ENVIRONMENT = {
    "BOARD_ISSUER": ISSUER, "BOARD_CLIENT_ID": "board", "BOARD_SCOPE_PREFIX": "api://board/", "BOARD_TOKEN_ORIGIN": "https://tokens.example.com",
    "BOARD_CLAIM": "", "BOARD_PERMISSIONS": "", "BOARD_PARTITION": "aws", "SNAPSHOTS_BUCKET": BUCKET, "BOARD_BUCKET": BUCKET,
    "REGULAR_TICK": "cron(0 * * * ? *)",
}  # fmt: skip


@dataclass
class Bucket:
    """S3 as far as snapshots need it."""

    objects: dict[str, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        assert Bucket == BUCKET
        self.calls.append(f"put {Key}")
        self.objects[Key] = Body

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        self.calls.append(f"get {Key}")
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, operation: str) -> "Bucket":
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        self.calls.append("list")
        found = [{"Key": key, "ETag": hashlib.sha256(body).hexdigest()} for key, body in sorted(self.objects.items()) if key.startswith(Prefix)]  # fmt: skip
        return [{"Contents": found[:50]}, {"Contents": found[50:]}] if found else [{}]

    def read(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(gzip.decompress(self.objects[key]))
        return found


@dataclass
class Hosted:
    """The function behind the API, and what it has asked of applications."""

    bucket: Bucket
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def snapshot(self) -> list[str]:
        written: list[str] = board_snapshot.handler({}, None)["written"]
        return written

    def get(self, question: str, claims: dict[str, Any] | None = None, tag: str = "", **about: str) -> tuple[int, Any]:
        status, _, body = self.request("GET /api/{question}", {"question": question}, about, claims, {"if-none-match": tag} if tag else {})  # fmt: skip
        return status, json.loads(body) if body else None

    def tag(self, question: str, claims: dict[str, Any] | None = None, **about: str) -> str:
        _, headers, _ = self.request("GET /api/{question}", {"question": question}, about, claims)
        return headers["etag"]

    def post(self, action: str, given: Any, claims: dict[str, Any] | None = None, kind: str = "application/json") -> tuple[int, Any]:  # fmt: skip
        text = given if isinstance(given, str) else json.dumps(given)
        status, _, body = self.request("POST /api/{action}", {"action": action}, {}, claims, {"content-type": kind}, text)  # fmt: skip
        return status, json.loads(body)

    def request(
        self, route: str, parameters: dict[str, str], query: dict[str, str], claims: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None, body: str | None = None, path: str = "/",
    ) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
        """What a browser gets of the API, in its payload format 2.0."""
        event: dict[str, Any] = {"routeKey": route, "rawPath": path, "pathParameters": parameters, "headers": {"accept-encoding": "gzip", **(headers or {})}, "isBase64Encoded": False}  # fmt: skip
        event |= {"queryStringParameters": query} if query else {}
        event |= {"body": body} if body is not None else {}
        event["requestContext"] = {"authorizer": {"jwt": {"claims": claims or person()}}} if "/api/" in route else {}
        answer = hosted_board.handler(json.loads(json.dumps(event)), None)
        given = base64.b64decode(answer["body"])
        return answer["statusCode"], answer["headers"], gzip.decompress(given) if "content-encoding" in answer["headers"] else given  # fmt: skip


def person(name: str = "Ann Example", scope: str = EVERYTHING, **claims: str) -> dict[str, str]:
    """Claims as the authorizer of an HTTP API gives them: all of them texts."""
    return {"iss": ISSUER, "sub": "u-1", "name": name, "scope": scope, "exp": "1795161600", **claims}


def started(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str] | None = None) -> Hosted:
    """A board whose functions have just been started."""
    for key, value in {**ENVIRONMENT, **(environment or {})}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    hosted = Hosted(Bucket())
    monkeypatch.setattr(board_snapshot, "objects", lambda: hosted.bucket)
    monkeypatch.setattr(board_snapshot, "_dates", {})
    monkeypatch.setattr(board_snapshot, "_mesh", {})
    monkeypatch.setattr(board_snapshot, "_modes", {})
    monkeypatch.setattr(hosted_board, "PAGE", PAGE)
    monkeypatch.setattr(board_applications, "_called", called(hosted))
    for each in (board_settings.settings, hosted_board.store, hosted_board._files, hosted_board._headers):
        each.cache_clear()
    store = board_store.Store(BUCKET, "aws", lambda: hosted.bucket)
    monkeypatch.setattr(hosted_board, "store", lambda: store)
    return hosted


def called(hosted: Hosted) -> Callable[[Place, str, dict[str, Any]], Any]:
    """Invokes the function here, through JSON as Lambda does, and gives its errors by their names."""

    def call(place: Place, function: str, event: dict[str, Any]) -> Any:
        hosted.asked.append((place.function(function), event))
        try:
            return json.loads(json.dumps(invoke(function, {key: each for key, each in event.items() if key != "identity"})))  # fmt: skip
        except (StateError, ValueError) as error:
            raise AnswerError(type(error).__name__, str(error)) from None

    return call
