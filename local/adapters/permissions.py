"""IAM as AWS decides it, so that every local run proves what the functions' roles allow.

The endpoint evaluates the policies of whoever calls, but for SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat it asks for a
permission on `*`. On AWS their resource is the state machine that waits (SAM's own StepFunctionsCallbackPolicy is written so).
For SES's SendEmail it asks for `*` as well, where AWS asks for the sender's identity. What machines call themselves is done inside the endpoint and not evaluated: that is proven on the generated policies.
"""

import json
import threading
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, responses
from ministack.services import stepfunctions as engine

from local.adapters.settings import Settings

HOOKS = (
    "core.iam_actions:extract_resource_arn",
    "stepfunctions:_execute_task",
    "stepfunctions:_invoke_with_callback",
    "stepfunctions:_state_machines",
)


def install(settings: Settings) -> None:
    machines: dict[str, str] = {}
    current = threading.local()
    execute, invoke = engine._execute_task, engine._invoke_with_callback
    resource_of: Callable[..., str] = iam_actions.extract_resource_arn

    def executed(state: Any, given: Any, execution: dict[str, Any], context: Any) -> Any:
        current.machine = execution["stateMachineArn"]
        return execute(state, given, execution, context)

    def with_callback(resource: str, given: Any, token: str, state: Any) -> Any:
        machines[token] = current.machine
        return invoke(resource, given, token, state)

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any, **named: Any) -> str:
        if service == "states" and b'"taskToken"' in body:
            token = json.loads(body)["taskToken"]
            # one of before a restart: the service itself is to say that it does not know it
            return machines.get(token) or next(iter(engine._state_machines), "*")
        if service == "ses" and b'"FromEmailAddress"' in body:
            where = f"{responses.get_region()}:{responses.get_account_id()}"
            return f"arn:aws:ses:{where}:identity/{json.loads(body)['FromEmailAddress']}"
        return resource_of(service, method, path, headers, body, *rest, **named)

    engine._execute_task, engine._invoke_with_callback = executed, with_callback
    iam_actions.extract_resource_arn = resource
