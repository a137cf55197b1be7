"""Functions of products' teams: they really run, in the endpoint's processes, and the scenario decides how long and how well.

A function takes its time before its code runs, by the clock and outside the line in which functions wait for a process: one that
takes an hour holds up nothing. At its time limit it ends as on AWS, and its code then has not run. A function without code
succeeds at once and answers the task token that its event may hold.
"""

import re
from typing import Any

from ministack.services import lambda_svc
from ministack.services import stepfunctions as engine

from headgate.local.adapters.names import STEP_ROLE
from headgate.local.adapters.settings import Settings

HOOKS = ("lambda_svc:_execute_function_warm", "stepfunctions:_send_task_success")
RAISED = re.compile(r"([A-Za-z_]\w*): (.*)", re.DOTALL)


def install(settings: Settings) -> None:
    execute, clock = lambda_svc._execute_function_warm, settings.clock

    def executed(function: dict[str, Any], event: Any, request_id: str) -> Any:
        config = function.get("config") or function
        if not config["Role"].endswith(f"/{STEP_ROLE}"):
            return execute(function, event, request_id)
        behaviour, limit = settings.next_behaviour(config["FunctionName"]), float(config["Timeout"])
        takes = float("inf") if behaviour.get("hangs") else float(behaviour.get("takes", 0))
        with clock.counting():
            if takes:
                clock.sleep(min(takes, limit))
            if takes >= limit:
                return _failed(
                    "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {limit:.2f} seconds"
                )
            if "fails" in behaviour:
                raised = RAISED.fullmatch(behaviour["fails"])
                return _failed(*(raised.groups() if raised else ("Exception", behaviour["fails"])))
            if function.get("code_zip"):
                return execute(function, event, request_id)
            if isinstance(event, dict) and "task_token" in event:
                engine._send_task_success({"taskToken": event["task_token"], "output": "{}"})
            return {"body": None}

    lambda_svc._execute_function_warm = executed


def _failed(kind: str, message: str) -> dict[str, Any]:
    return {"body": {"errorMessage": message, "errorType": kind}, "error": True, "log": ""}
