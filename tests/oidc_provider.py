"""A small OpenID Connect provider: it asks whom one wants to be, and gives tokens that are signed with RS256 (authorization code with PKCE, RFC 7636)."""

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from headgate.local.process import listener

CLIENT = "board"
AUDIENCE = "headgate-board"
CORS = {"access-control-allow-origin": "*"}


@dataclass
class Provider:
    """`people` by name, each with further claims of the tokens. `seconds` is how long an access token is valid."""

    people: dict[str, dict[str, Any]]
    seconds: int = 3600
    issuer: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    renewals: dict[str, str] = field(default_factory=dict)
    renewed: int = 0
    refused: list[str] = field(default_factory=list)

    def token(self, name: str, key: rsa.RSAPrivateKey | None = None, **claims: Any) -> str:
        """An access token; claims that are None are left out."""
        now = int(time.time())
        given = {"iss": self.issuer, "sub": name, "name": name, "aud": AUDIENCE, "iat": now - 1, "exp": now + self.seconds, **self.people[name], **claims}  # fmt: skip
        return jwt.encode({key: each for key, each in given.items() if each is not None}, key or self.key, "RS256", {"kid": "1"})  # fmt: skip

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._about),
                Route("/jwks", self._keys),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/logout", self._logout),
            ]
        )

    async def _about(self, request: Request) -> Response:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks", "end_session_endpoint": "logout"}  # fmt: skip
        return JSONResponse({"issuer": self.issuer, **{name: f"{self.issuer}/{path}" for name, path in places.items()}}, headers=CORS)  # fmt: skip

    async def _keys(self, request: Request) -> Response:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return JSONResponse({"keys": [{**key, "kid": "1", "alg": "RS256", "use": "sig"}]}, headers=CORS)

    async def _authorize(self, request: Request) -> Response:
        """A page with a link for each person; it is followed with their name."""
        given = dict(request.query_params)
        if (given["response_type"], given["client_id"], given["code_challenge_method"]) != ("code", CLIENT, "S256"):
            return HTMLResponse("not a request of the board", 400)
        if "as" not in given:
            links = [f'<li><a href="?{urlencode({**given, "as": name})}">{name}</a></li>' for name in [*self.people, "nobody"]]  # fmt: skip
            return HTMLResponse(f"<!doctype html><title>Sign in</title><h1>Who are you?</h1><ul>{''.join(links)}</ul>")
        back = {"state": given["state"], "iss": self.issuer}
        if given["as"] == "nobody":
            return RedirectResponse(f"{given['redirect_uri']}?{urlencode({**back, 'error': 'access_denied', 'error_description': '<b>You</b> are not assigned to this application.'})}")  # fmt: skip
        code = secrets.token_urlsafe(8)
        self.codes[code] = given
        return RedirectResponse(f"{given['redirect_uri']}?{urlencode({**back, 'code': code})}")

    async def _token(self, request: Request) -> Response:
        given = {key: each[0] for key, each in parse_qs((await request.body()).decode()).items()}
        if given["grant_type"] == "refresh_token":
            name = self.renewals.pop(given["refresh_token"], None)
            self.renewed += 1
        else:
            asked = self.codes.pop(given["code"], None)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()  # fmt: skip
            is_right = asked and (asked["code_challenge"], asked["redirect_uri"]) == (challenge, given["redirect_uri"])
            name = asked["as"] if asked and is_right else None
        if name is None:
            self.refused.append(given["grant_type"])
            return JSONResponse({"error": "invalid_grant"}, 400, headers=CORS)
        renewal = secrets.token_urlsafe(8)
        self.renewals[renewal] = name
        return JSONResponse({"access_token": self.token(name), "refresh_token": renewal, "token_type": "Bearer", "expires_in": self.seconds}, headers=CORS)  # fmt: skip

    async def _logout(self, request: Request) -> Response:
        return RedirectResponse(request.query_params["post_logout_redirect_uri"])


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """Serves an ASGI application at a free port of this machine; gives its address."""
    with listener() as listening:
        config = uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
