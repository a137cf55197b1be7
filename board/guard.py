"""Who may talk to the server of the board, and what a browser may do with its page.

Any page in the same browser can send requests to a port of this machine, and a name of somebody else's can be made to lead to it (DNS rebinding).
So the Host must be this server's, a request that a page sends must come from its own origin, and everything but the page itself needs the token, which
only whoever started the server knows.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from headgate.board.page_headers import HEADERS

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """Refuses requests for another host, from another origin, and of the API those without the token."""

    def __init__(self, app: App, port: int, token: str, policy: str) -> None:
        self._app, self._token = app, token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._headers = [
            (key.encode(), value.encode()) for key, value in {**HEADERS, "content-security-policy": policy}.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused:
            status, message = refused
            await self._send(send, status, message)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in self._headers if each[0] not in names)]
            await send(message)

        await self._app(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host") not in self._hosts:
            return 421, "the board answers at its own address only"
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return 403, "a page of another origin may not ask the board"
        if scope["path"].startswith("/api/"):
            given = headers.get("authorization", "").removeprefix("Bearer ")
            if not secrets.compare_digest(given.encode(), self._token.encode()):
                return (
                    401,
                    "The token is missing or wrong: open the address that `headgate board` or `headgate up` has printed.",
                )
        return None

    async def _send(self, send: Send, status: int, message: str) -> None:
        body = message.encode()
        headers = [*self._headers, (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]  # fmt: skip
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
