"""Calls of machines to services through the AWS SDK (`aws-sdk:<service>:<operation>`) that the endpoint's engine does not know.

Step Functions names parameters and results as the SDK for Java does; the service names them as its model has it.

A test may decide how the next calls go, by the name of the call (`batch:submitJob`; see `Settings.behaviours`): `{"refused": <error>}` is
answered with that error, `{"unanswered": <error>}` as well, after the service has done what it was called for.
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions as engine

from headgate.local.adapters.settings import Settings

HOOKS = (
    "stepfunctions:_SERVICE_DISPATCH", "stepfunctions:_ExecutionError", "stepfunctions:_service_model", "stepfunctions:_sdk_json_params",
    "stepfunctions:_sdk_json_result",
)  # fmt: skip
Answered = tuple[int, dict[str, str], bytes | str]


def install(settings: Settings) -> None:
    """Nothing is replaced: the adapters of step types add their calls."""


def add(settings: Settings, name: str, service: str, prefix: str, call: Callable[[dict[str, Any]], Answered]) -> None:
    """Makes `aws-sdk:<name>` known: `call` answers that operation of the service (as botocore names it), as it answers any request. Errors
    begin with `prefix`."""
    operation = name.partition(":")[2]
    operation = operation[0].upper() + operation[1:]

    def called(resource: str, given: dict[str, Any]) -> Any:
        fault = settings.next_behaviour(name) if settings.behaviours.get(name) else {}
        if "refused" in fault:
            raise engine._ExecutionError(f"{prefix}.{fault['refused']}", "as the test has it")
        status, _, body = call(engine._sdk_json_params({}, service, operation, given))
        answer = json.loads(body or b"{}")
        if "unanswered" in fault:
            raise engine._ExecutionError(f"{prefix}.{fault['unanswered']}", "as the test has it")
        if status >= 400:
            kind = answer.get("__type") or answer.get("code") or "Exception"
            raise engine._ExecutionError(f"{prefix}.{kind.rpartition('#')[2]}", answer.get("message", ""))
        return engine._sdk_json_result(service, operation, answer)

    engine._SERVICE_DISPATCH[f"arn:aws:states:::aws-sdk:{name}"] = called
