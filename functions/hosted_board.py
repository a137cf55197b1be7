"""The hosted board: the page, and its questions and actions for people who have signed in. Called by the HTTP API of board/template.yaml, whose authorizer has
verified the token."""

import base64
import gzip
import hashlib
import json
import mimetypes
import os
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import board_applications
import runtime
from board_answers import Answers
from board_person import Person, person
from board_settings import settings
from board_store import Store
from page_headers import HEADERS, policy
from page_requests import AnswerError, action_of, check_bound, question_of

PAGE = Path(os.environ.get("LAYERS", "/opt"))  # a layer of this function alone
MOST_BYTES = 5_500_000  # of an answer as Lambda gives it; it takes six megabytes
SMALL = 1_000  # bytes that are not worth compressing
OF_MANY = {"files", "stop", "effect", "letter", "all"}  # fields of actions that name no domain
OURS = {"application", "actor", "identity", "on_behalf_of"}  # what the page cannot say
Entry = dict[str, Any]


def handler(event: Entry, context: Any) -> Entry:
    """The answer to a request of the HTTP API, in its payload format 2.0. What is refused is JSON with `error` and `message`."""
    method, _, path = event["routeKey"].partition(" ")
    try:
        match method, path:
            case "GET", "/config":
                return _json(event, settings().about())
            case "GET", "/api/{question}":
                return _ask(event)
            case "POST", "/api/{action}":
                return _act(event)
            case _:
                return _file(event)
    except AnswerError as error:
        return _json(event, {"error": error.kind, "message": str(error)}, error.status)


@cache
def store() -> Store:
    return Store(settings().bucket, settings().partition)


def _ask(event: Entry) -> Entry:
    who = _person(event)
    asked = question_of(event["pathParameters"]["question"], event.get("queryStringParameters") or {})
    answer = Answers(who, store(), runtime.now()).question(asked, event["headers"].get("if-none-match"))
    tag = {"etag": answer.tag} if answer.tag else {}
    return _json(event, answer.content, headers=tag) if answer.content is not None else _answer(304, tag)


def _act(event: Entry) -> Entry:
    who, now = _person(event), runtime.now()
    body = event.get("body") or ""
    given = action_of(
        base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        event["headers"].get("content-type", ""),
    )
    check_bound(given)
    action = event["pathParameters"]["action"]
    asked = {key: value for key, value in given.items() if key not in OURS} | {"action": action}
    _check_operates(who, asked)
    place = _application(who, given, now).place
    return _json(event, board_applications.act(place, asked, who.actor))


def _person(event: Entry) -> Person:
    who = person(event["requestContext"]["authorizer"]["jwt"]["claims"], settings())
    who.check_scope(event["routeKey"].split(" ")[0])
    return who


def _check_operates(who: Person, asked: Entry) -> None:
    domains = [str(asked["product"]).split("/")[0]] if "product" in asked else []
    domains += [str(asked["domain"])] if "domain" in asked else []
    if not domains or OF_MANY & asked.keys():
        who.check_operates_everywhere(f"the action {asked['action']} without a product, or with {', '.join(sorted(OF_MANY))}")  # fmt: skip
    for each in domains:
        who.check_operates(each)


def _application(who: Person, given: Entry, now: datetime) -> Any:
    answers = Answers(who, store(), now)
    if "application" not in given and ("product" in given or "domain" in given):
        return answers.home(str(given.get("product") or given["domain"]))
    named = [each for each in store().heads(now) if given.get("application", each.name) == each.name]
    if len(named) != 1:
        raise AnswerError("BadEvent", "the action needs `application`, one of those that `about` names")
    return named[0]


def _file(event: Entry) -> Entry:
    name = event["rawPath"].lstrip("/") or "index.html"
    found = _files().get(name)
    if found is None:
        return _answer(404, {"content-type": "text/plain; charset=utf-8"}, b"there is no such page")
    kind, body, tag = found
    if event["headers"].get("if-none-match") == tag:
        return _answer(304, {"etag": tag})
    return _packed(event, 200, {"content-type": kind, "etag": tag}, body)


@cache
def _files() -> dict[str, tuple[str, bytes, str]]:
    """The page: nothing but these files is served, whatever the path says."""
    found = {}
    for path in sorted(PAGE.rglob("*")):
        if path.is_file():
            kind = mimetypes.guess_type(path.name)[0] or "text/plain"
            charset = "; charset=utf-8" if kind.startswith("text/") else ""
            body = path.read_bytes()
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            found[path.relative_to(PAGE).as_posix()] = (kind + charset, body, tag)
    return found


@cache
def _headers() -> dict[str, str]:
    return {
        **HEADERS,
        "content-security-policy": policy(_files()["index.html"][1], settings().origins()),
        "strict-transport-security": "max-age=31536000",
    }


def _json(event: Entry, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Entry:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return _packed(event, status, {"content-type": "application/json", **(headers or {})}, body)


def _packed(event: Entry, status: int, headers: dict[str, str], body: bytes) -> Entry:
    if len(body) > SMALL and "gzip" in event["headers"].get("accept-encoding", ""):
        body = gzip.compress(body, 6, mtime=0)
        headers = {**headers, "content-encoding": "gzip", "vary": "accept-encoding"}
    if len(body) * 4 // 3 > MOST_BYTES:
        raise AnswerError("TooMuch", "the answer is larger than the API can give: choose a domain or a product")
    return _answer(status, headers, body)


def _answer(status: int, headers: dict[str, str], body: bytes = b"") -> Entry:
    text = base64.b64encode(body).decode()
    return {"statusCode": status, "headers": {**_headers(), **headers}, "body": text, "isBase64Encoded": True}
