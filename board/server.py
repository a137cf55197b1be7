"""The server of the board: `GET /api/<question>`, `POST /api/<action>`, and the files of the page."""

import hashlib
import json
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from headgate.board.api import Board, Editor
from headgate.board.guard import App, Guard
from headgate.board.page_headers import policy
from headgate.board.page_requests import AnswerError, action_of, check_size

PAGE = Path(__file__).parent / "page"
ASKED_AT = "asked_at"  # differs in each answer, so it does not count for whether one has changed


def app(board: Board, port: int, token: str) -> App:
    """The ASGI application that serves the page and its API at this port of the loopback interface."""

    def ask(request: Request) -> Response:
        try:
            answer = board.question(request.path_params["question"], dict(request.query_params))
        except AnswerError as error:
            return _refusal(error)
        digest = hashlib.sha256(_bytes({key: value for key, value in answer.items() if key != ASKED_AT})).hexdigest()
        tag = f'"{digest[:32]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag})
        return _json(answer, headers={"etag": tag})

    async def act(request: Request) -> Response:
        try:
            given = await _given(request)
            return _json(await run_in_threadpool(board.action, request.path_params["action"], given))
        except AnswerError as error:
            return _refusal(error)

    def about(request: Request) -> Response:
        return _json({"applications": board.names, "may_edit": board.editor is not None, "may_read_logs": True})

    def source(request: Request) -> Response:
        try:
            return _json(_editor(board).source(request.query_params.get("product", "")))
        except AnswerError as error:
            return _refusal(error)

    async def draft(request: Request) -> Response:
        try:
            given = await _given(request)
            product, text = given.get("product"), given.get("text")
            if not isinstance(product, str) or not isinstance(text, str):
                raise AnswerError("BadEvent", "a draft is {product, text}")
            return _json(await run_in_threadpool(_editor(board).draft, product, text))
        except AnswerError as error:
            return _refusal(error)

    async def propose(request: Request) -> Response:
        try:
            given = await _given(request)
            product, text, title = (given.get(each) for each in ("product", "text", "title"))
            if not isinstance(product, str) or not isinstance(text, str) or not isinstance(title, str):
                raise AnswerError("BadEvent", "a proposal is {product, text, title}, with `expect` to push it")
            expect = given.get("expect")
            return _json(
                await run_in_threadpool(
                    _editor(board).propose, product, text, title, None if expect is None else str(expect)
                )
            )
        except AnswerError as error:
            return _refusal(error)

    routes = [
        Route("/api/about", about, methods=["GET"]),
        Route("/api/source", source, methods=["GET"]),
        Route("/api/draft", draft, methods=["POST"]),
        Route("/api/propose", propose, methods=["POST"]),
        Route("/api/{question:str}", ask, methods=["GET"]),
        Route("/api/{action:str}", act, methods=["POST"]),
        Mount("/", StaticFiles(directory=PAGE, html=True)),
    ]
    served: Any = Starlette(routes=routes, middleware=[Middleware(GZipMiddleware, minimum_size=1000)])
    return Guard(served, port, token, policy((PAGE / "index.html").read_bytes()))


def _editor(board: Board) -> Editor:
    if board.editor is None:
        raise AnswerError("BadEvent", "there is no metadata here: start `headgate board` in the folder of the project")
    return board.editor


async def _given(request: Request) -> dict[str, Any]:
    body = b""
    async for part in request.stream():
        body += part
        check_size(body)
    return action_of(body, request.headers.get("content-type", ""))


def _refusal(error: AnswerError) -> Response:
    return _json({"error": error.kind, "message": str(error)}, status=error.status)


def _json(answer: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_bytes(answer), status, headers, media_type="application/json")


def _bytes(answer: Any) -> bytes:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
