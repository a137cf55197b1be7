"""Calls of HTTP APIs that are really made, with the credentials of the connection. The endpoint's engine knows no `http:invoke`."""

import json
from collections.abc import Iterator
from typing import Any

import urllib3
from ministack.services import secretsmanager
from ministack.services import stepfunctions as engine

from headgate.local.adapters.settings import Settings

HOOKS = ("stepfunctions:_SERVICE_DISPATCH", "stepfunctions:_ExecutionError", "secretsmanager:_get_secret_value")
TIMEOUT = 60.0  # seconds (docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html)


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    connection = given["Authentication"]["ConnectionArn"]
    yield "states:InvokeHTTPEndpoint", f"arn:aws:states:{place}:stateMachine:any"
    yield "events:RetrieveConnectionCredentials", connection
    for action in ("DescribeSecret", "GetSecretValue"):
        yield f"secretsmanager:{action}", f"arn:aws:secretsmanager:{place}:secret:{_secret(connection)}-aB3dE6"


PERMISSIONS = {"http:invoke": _needed}


def _secret(connection: str) -> str:
    """The name of a connection's secret, from the connection's ARN."""
    return f"events!connection/{connection.split('/')[1]}/local"


def _invoke(resource: str, given: dict[str, Any]) -> dict[str, Any]:
    """The answer as Step Functions gives it to the state; raises the errors that it names."""
    status, _, secret = secretsmanager._get_secret_value(
        {"SecretId": _secret(given["Authentication"]["ConnectionArn"])}
    )
    if status >= 400:
        raise engine._ExecutionError("Events.ConnectionResource.NotFound", "the connection has no secret")
    headers = given.get("Headers", {}) | json.loads(json.loads(secret)["SecretString"])
    body = json.dumps(given["RequestBody"]).encode() if "RequestBody" in given else None
    try:
        answer = urllib3.request(
            given["Method"],
            given["ApiEndpoint"],
            body=body,
            headers=headers,
            timeout=TIMEOUT,
            retries=False,
            redirect=False,
        )
    except urllib3.exceptions.HTTPError as error:
        raise engine._ExecutionError("States.Http.Socket", str(error)) from None
    if answer.status >= 300:
        raise engine._ExecutionError(f"States.Http.StatusCode.{answer.status}", answer.data.decode(errors="replace"))
    return {
        "StatusCode": answer.status,
        "StatusText": answer.reason or "",
        "Headers": {},
        "ResponseBody": json.loads(answer.data or b"{}"),
    }


def install(settings: Settings) -> None:
    engine._SERVICE_DISPATCH["arn:aws:states:::http:invoke"] = _invoke
