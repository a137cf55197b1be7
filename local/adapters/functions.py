"""Functions as Lambda runs them: an error has the name of its class, a burst waits in line instead of taking the machine, and a call
ends with its answer."""

import re
import threading
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from headgate.local.adapters.names import STEP_ROLE
from headgate.local.adapters.settings import Settings

HOOKS = ("lambda_svc:_execute_function_warm", "core.lambda_runtime:Worker")
TRACEBACK = "Traceback (most recent call last):"
LOG_SECONDS = 0.003
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

    read_log = lambda_runtime.Worker._drain_stderr_bounded

    def read_log_of_answer(worker: Any) -> str:
        """The endpoint waits 50 ms after each answer for a log, and most calls write none. The process has written the log before the
        answer; a line that its reader has not passed on by now is in the log of the next call. An error's log is waited for (the process
        is ended then): it has the error's class."""
        log: str = read_log(worker) if worker._proc is None else read_log(worker, first_line_wait=LOG_SECONDS)
        return log

    lambda_runtime.Worker._drain_stderr_bounded = read_log_of_answer


def _name(log: str) -> str | None:
    """The class of the exception at the end of the last traceback in the log; None if the process died without one."""
    _, found, after = log.rpartition(TRACEBACK)
    raised = RAISED.search(after) if found else None
    return raised[1].rsplit(".", 1)[-1] if raised else None
