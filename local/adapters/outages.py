"""Parts of AWS that are away while a test wants it: functions that do not run, and Step Functions that does not answer what it is asked, though it
does every second time what it was asked for."""

import itertools
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc, stepfunctions

from headgate.local.adapters.settings import Settings

CALLS = ("_start_execution", "_stop_execution", "_describe_execution", "_send_task_success", "_send_task_failure")
HOOKS = ("lambda_svc:_execute_function_warm", *(f"stepfunctions:{each}" for each in CALLS))


def install(settings: Settings) -> None:
    run = lambda_svc._execute_function_warm

    def execute(function: dict[str, Any], event: Any, request_id: str) -> Any:
        name = (function.get("config") or function)["FunctionName"]
        if any(each in name for each in settings.away):
            body = {"errorType": "Lambda.ServiceException", "errorMessage": f"{name} is away"}
            return {"body": body, "error": True, "function_error": "Unhandled", "log": ""}
        return run(function, event, request_id)

    lambda_svc._execute_function_warm = execute
    for name in CALLS:
        setattr(stepfunctions, name, _answering(settings, getattr(stepfunctions, name)))


def _answering(settings: Settings, call: Any) -> Any:
    numbers = itertools.count()

    def answer(*given: Any) -> Any:
        if "stepfunctions" not in settings.away:
            return call(*given)
        if next(numbers) % 2:
            call(*given)
        return error_response_json("ServiceUnavailable", "away", 503)

    return answer
