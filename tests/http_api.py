"""A stand-in of API Gateway's HTTP API in front of the hosted board: the routes, the scopes and the authorizer of its template, and the function behind them.

Tokens are checked by the JWT authorizer of ministack, which gets the issuer's keys and verifies signature, issuer, audience, times and scopes as AWS
documents it (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html).
"""

import base64
import re
from typing import Any

from ministack.services import apigateway
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import hosted_board
from tests.test_board_template import BOARD, ROUTES

AUTHORIZERS = BOARD["Api"]["Properties"]["Auth"]["Authorizers"]


def api(parameters: dict[str, str]) -> Starlette:
    """The API of a stack whose template has these parameters."""
    routes = {re.sub(r"\{(\w+)\+\}", r"{\1:path}", each["Path"]): (name, each) for name, each in ROUTES.items()}
    order = sorted(routes, key=lambda path: 2 if ":path" in path else 1)  # what is more specific comes first
    return Starlette(
        routes=[
            Route(path, _endpoint(*routes[path], parameters), methods=[routes[path][1]["Method"]]) for path in order
        ]
    )


def _endpoint(name: str, route: dict[str, Any], parameters: dict[str, str]) -> Any:
    async def answer(request: Request) -> Response:
        event: dict[str, Any] = {
            "version": "2.0", "routeKey": name, "rawPath": request.url.path, "headers": {key.lower(): value for key, value in request.headers.items()},
            "requestContext": {}, "isBase64Encoded": True, "body": base64.b64encode(await request.body()).decode(),
        }  # fmt: skip
        if request.query_params:
            event["queryStringParameters"] = dict(request.query_params)
        if request.path_params:
            event["pathParameters"] = {key: str(value) for key, value in request.path_params.items()}
        if "Auth" in route:
            claims, refused = await _claims(route["Auth"], event["headers"], parameters)
            if refused:
                status, headers, body = refused
                return Response(body, status, headers)
            event["requestContext"] = {"authorizer": {"jwt": {"claims": claims}}}
        found = await run_in_threadpool(hosted_board.handler, event, None)
        return Response(base64.b64decode(found["body"]), found["statusCode"], found["headers"])

    return answer


async def _claims(auth: dict[str, Any], headers: dict[str, str], parameters: dict[str, str]) -> tuple[dict[str, str], Any]:  # fmt: skip
    """The claims, all of them as texts, a list as `[one other]`; or the refusal."""
    authorizer = AUTHORIZERS[auth["Authorizer"]]
    settings = authorizer["JwtConfiguration"]
    known = {"identitySource": [authorizer["IdentitySource"]], "jwtConfiguration": {"issuer": parameters[settings["issuer"]["Ref"]], "audience": [parameters[each["Ref"]] for each in settings["audience"]]}}  # fmt: skip
    claims, _, refused = await apigateway._validate_jwt_authorizer({"authorizationScopes": auth["AuthorizationScopes"]}, known, headers, {})  # fmt: skip
    texts = {key: f"[{' '.join(map(str, each))}]" if isinstance(each, list) else str(each) for key, each in (claims or {}).items()}  # fmt: skip
    return texts, refused
