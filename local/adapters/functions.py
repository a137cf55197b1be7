"""Functions as Lambda runs them: an error has the name of its class, and a burst waits in line instead of taking the machine."""

import re
import threading
from typing import Any

from ministack.services import lambda_svc

from headgate.local.adapters.names import STEP_ROLE
from headgate.local.adapters.settings import Settings

HOOKS = ("lambda_svc:_execute_function_warm",)
TRACEBACK = "Traceback (most recent call last):"
RAISED = re.compile(r"^([A-Za-z_][\w.-]*)(?::|$)", re.MULTILINE)


def install(settings: Settings) -> None:
    """The endpoint reports every exception as `Runtime.HandlerError`, so no Retry or Catch of ours would match, and starts a
    process for every call in flight: seven hundred starts took 174 processes and eight gigabytes. The functions of products' steps
    have a line of their own: the application's functions never wait for them."""
    original = lambda_svc._execute_function_warm
    application, steps = (threading.BoundedSemaphore(settings.parallel_functions) for _ in range(2))

    def execute(function: dict[str, Any], event: Any, request_id: str) -> Any:
        role = (function.get("config") or function)["Role"]
        with steps if role.endswith(f"/{STEP_ROLE}") else application:
            result = original(function, event, request_id)
        body = result.get("body") if isinstance(result, dict) and result.get("error") else None
        if isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            body["errorType"] = _name(str(result.get("log") or "")) or "Runtime.ExitError"
        return result

    lambda_svc._execute_function_warm = execute


def _name(log: str) -> str | None:
    """The class of the exception at the end of the last traceback in the log; None if the process died without one."""
    _, found, after = log.rpartition(TRACEBACK)
    raised = RAISED.search(after) if found else None
    return raised[1].rsplit(".", 1)[-1] if raised else None
