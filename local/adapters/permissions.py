"""IAM as AWS decides it, so that every local run proves what the roles of functions and machines allow.

The endpoint evaluates the policies of whoever calls, but for SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat it asks for a
permission on `*`. On AWS their resource is the state machine that waits (SAM's own StepFunctionsCallbackPolicy is written so).
For SES's SendEmail it asks for `*` as well, where AWS asks for the sender's identity. What machines call it does by itself and
asks nobody; here their roles are asked, and for an encrypted topic also whether they allow to use its key.
"""

import json
import threading
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from ministack.core import iam_actions, responses
from ministack.services import iam, sns
from ministack.services import stepfunctions as engine

from headgate.local.adapters.settings import Settings

HOOKS = (
    "core.iam_actions:extract_resource_arn",
    "iam:_roles",
    "sns:_topics",
    "stepfunctions:_execute_task",
    "stepfunctions:_invoke_resource",
    "stepfunctions:_invoke_resource_with_timeout",
    "stepfunctions:_invoke_with_callback",
    "stepfunctions:_state_machines",
)


def install(settings: Settings) -> None:
    machines: dict[str, str] = {}
    current = threading.local()
    execute, invoke = engine._execute_task, engine._invoke_with_callback
    call, call_in_time = engine._invoke_resource, engine._invoke_resource_with_timeout
    resource_of: Callable[..., str] = iam_actions.extract_resource_arn

    def executed(state: Any, given: Any, execution: dict[str, Any], context: Any) -> Any:
        current.machine = execution["stateMachineArn"]
        return execute(state, given, execution, context)

    def with_callback(resource: str, given: Any, token: str, state: Any) -> Any:
        machines[token] = current.machine
        _ask(current.machine, resource, given)
        return invoke(resource, given, token, state)

    def called(resource: str, given: Any) -> Any:
        if hasattr(current, "machine"):  # else a thread of `called_in_time`, which has asked
            _ask(current.machine, resource, given)
        return call(resource, given)

    def called_in_time(resource: str, given: Any, timeout: float) -> Any:
        _ask(current.machine, resource, given)
        return call_in_time(resource, given, timeout)

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
    engine._invoke_resource, engine._invoke_resource_with_timeout = called, called_in_time
    iam_actions.extract_resource_arn = resource


def granted(role: str) -> Iterator[tuple[str, str]]:
    """The actions and resources that the inline policies of the role allow."""
    for document in ((iam._roles.get(role.rsplit("/", 1)[-1]) or {}).get("InlinePolicies") or {}).values():
        policy = json.loads(document) if isinstance(document, str) else document
        for statement in policy["Statement"]:
            for action in listed(statement["Action"]):
                yield from ((action, resource) for resource in listed(statement["Resource"]))


def _ask(machine: str, resource: str, given: dict[str, Any]) -> None:
    """Whether the machine's role allows the call of a Task. Raises what the state fails with."""
    role = engine._state_machines[machine]["roleArn"]
    allowed = list(granted(role))
    service = resource.split(":::")[-1].removesuffix(".waitForTaskToken")
    for action, name in _needed(service, given):
        if not any(action == known and fnmatchcase(name, pattern) for known, pattern in allowed):
            words = f"{role} is not authorized to perform: {action} on resource: {name}"
            raise engine._ExecutionError(f"{action.split(':')[0].capitalize()}.AccessDeniedException", words)


def _needed(service: str, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The action and the resource of each permission that the call needs."""
    where = f"{responses.get_region()}:{responses.get_account_id()}"
    match service:
        case "lambda:invoke":
            function = given["FunctionName"]
            yield (
                "lambda:InvokeFunction",
                function if ":" in function else f"arn:aws:lambda:{where}:function:{function}",
            )
        case "glue:startJobRun":
            yield "glue:StartJobRun", f"arn:aws:glue:{where}:job/{given['JobName']}"
        case "events:putEvents":
            yield from (("events:PutEvents", each["EventBusName"]) for each in given["Entries"])
        case "sns:publish":
            yield "sns:Publish", given["TopicArn"]
            key = (sns._topics.get(given["TopicArn"]) or {}).get("attributes", {}).get("KmsMasterKeyId")
            if key:
                arn = key if key.startswith("arn:") else f"arn:aws:kms:{where}:key/{key}"
                yield from ((action, arn) for action in ("kms:GenerateDataKey", "kms:Decrypt"))
        case "aws-sdk:ssm:createOpsItem":
            yield "ssm:CreateOpsItem", "*"
        case _:
            raise engine._ExecutionError("States.Runtime", f"what {service} needs is not known here: {__name__}")


def listed(value: Any) -> list[Any]:
    """What a policy gives alone or in a list."""
    return value if isinstance(value, list) else [value]
