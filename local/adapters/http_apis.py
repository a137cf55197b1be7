"""The body of an HTTP API (OpenAPI), as the SAM transform writes one: the endpoint's CloudFormation makes the API and leaves its routes, integrations and authorizers out. What the endpoint does not show of an HTTP
API: throttling, access logs, the `route` and claims of a request in them, and that AWS reaches an issuer by https only."""

from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import apigateway
from ministack.services.cloudformation import provisioners

from headgate.local.adapters.settings import Settings

HOOKS = (
    "cloudformation.provisioners:_RESOURCE_HANDLERS", "cloudformation.provisioners:_apigw_v2_integration_create",
    "cloudformation.provisioners:_apigw_v2_route_create", "cloudformation.provisioners:_apigw_v2_authorizer_create",
    "apigateway:_integrations", "apigateway:_routes", "apigateway:_authorizers",
)  # fmt: skip
API = "AWS::ApiGatewayV2::Api"
ANY = "x-amazon-apigateway-any-method"
Properties = dict[str, Any]


def install(settings: Settings) -> None:
    handlers = provisioners._RESOURCE_HANDLERS[API]
    create: Callable[..., tuple[str, Properties]] = handlers["create"]
    update: Callable[..., tuple[str, Properties]] = handlers["update"]

    def created(logical_id: str, given: Properties, stack: str) -> tuple[str, Properties]:
        api, attributes = create(logical_id, _named(given), stack)
        _import(api, given, stack)
        return api, attributes

    def updated(api: str, before: Properties, given: Properties, stack: str, *more: Any) -> tuple[str, Properties]:
        same, attributes = update(api, _named(before), _named(given), stack, *more)
        _import(same, given, stack)
        return same, attributes

    provisioners._RESOURCE_HANDLERS[API] = {**handlers, "create": created, "update": updated}


def _named(given: Properties) -> Properties:
    info = given.get("Body", {}).get("info", {})
    return {"Name": info.get("title"), **given} if info.get("title") else given


def _import(api: str, given: Properties, stack: str) -> None:
    """Makes what the body says, in place of what an earlier one has said."""
    if "Body" not in given:
        return
    for parts in (apigateway._integrations, apigateway._routes, apigateway._authorizers):
        parts[api] = {}
    schemes = given["Body"].get("components", {}).get("securitySchemes", {})
    authorizers = {name: _authorizer(api, name, each, stack) for name, each in schemes.items()}
    for key, operation in _operations(given["Body"]):
        integration, _ = provisioners._apigw_v2_integration_create(key, _integration(api, operation), stack)
        provisioners._apigw_v2_route_create(
            key, {"ApiId": api, "RouteKey": key, "Target": f"integrations/{integration}", **_access(operation, authorizers)}, stack
        )  # fmt: skip


def _operations(body: Properties) -> Iterator[tuple[str, Properties]]:
    """Each with the key of its route, such as `GET /api/{question}`."""
    for path, methods in body.get("paths", {}).items():
        for method, operation in methods.items():
            yield path if path == "$default" else f"{'ANY' if method == ANY else method.upper()} {path}", operation


def _integration(api: str, operation: Properties) -> Properties:
    said = operation["x-amazon-apigateway-integration"]
    return {
        "ApiId": api,
        "IntegrationType": said["type"].upper(),
        "IntegrationMethod": said.get("httpMethod", "POST"),
        "IntegrationUri": said["uri"],
        "PayloadFormatVersion": said.get("payloadFormatVersion", "1.0"),
    }


def _authorizer(api: str, name: str, scheme: Properties, stack: str) -> str:
    said = scheme["x-amazon-apigateway-authorizer"]
    source, tokens = said["identitySource"], said["jwtConfiguration"]
    given = {
        "ApiId": api, "Name": name, "AuthorizerType": said["type"].upper(), "IdentitySource": source if isinstance(source, list) else [source],
        "JwtConfiguration": {"Issuer": tokens["issuer"], "Audience": tokens["audience"]},
    }  # fmt: skip
    provisioners._apigw_v2_authorizer_create(name, given, stack)
    return next(str(key) for key, each in apigateway._authorizers[api].items() if each["name"] == name)


def _access(operation: Properties, authorizers: dict[str, str]) -> Properties:
    for requirement in operation.get("security", ()):
        for name, scopes in requirement.items():
            if name in authorizers:
                return {"AuthorizationType": "JWT", "AuthorizerId": authorizers[name], "AuthorizationScopes": scopes}
    return {}
