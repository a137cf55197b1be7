"""IAM as AWS decides it, so that every local run proves what the roles of functions and machines allow.

The endpoint evaluates the caller's policies, but for SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat it requires a permission
on `*`. On AWS their resource is the state machine that waits (SAM's own StepFunctionsCallbackPolicy is written so). For SES's
SendEmail it requires `*` as well, where AWS requires the sender's identity. A policy that refuses requests without TLS would refuse every
request to it; on AWS the SDKs use TLS. It checks nothing for the calls that machines make;
this adapter checks their roles, and for an encrypted topic also that they allow the use of its key.
"""

import json
import threading
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from ministack.core import iam_actions, iam_evaluator, responses
from ministack.services import iam, sns
from ministack.services import stepfunctions as engine

from headgate.local.adapters.settings import Settings

Needed = Callable[[dict[str, Any], str], Iterator[tuple[str, str]]]
HOOKS = (
    "core.iam_actions:extract_resource_arn",
    "core.iam_evaluator:_resolve_condition_key",
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
    resolve = iam_evaluator._resolve_condition_key

    def executed(state: Any, given: Any, execution: dict[str, Any], context: Any) -> Any:
        current.machine = execution["stateMachineArn"].partition("/")[0]
        return execute(state, given, execution, context)

    def with_callback(resource: str, given: Any, token: str, state: Any) -> Any:
        machines[token] = current.machine
        _check(current.machine, resource, given)
        return invoke(resource, given, token, state)

    def called(resource: str, given: Any) -> Any:
        if hasattr(current, "machine"):  # else a thread of `called_in_time`, which has checked
            _check(current.machine, resource, given)
        return call(resource, given)

    def called_in_time(resource: str, given: Any, timeout: float) -> Any:
        _check(current.machine, resource, given)
        return call_in_time(resource, given, timeout)

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any, **named: Any) -> str:
        if service == "states" and b'"taskToken"' in body:
            token = json.loads(body)["taskToken"]
            # a token from before a restart: the service itself answers that it does not know it
            return machines.get(token) or next(iter(engine._state_machines), "*")
        if service == "ses" and b'"FromEmailAddress"' in body:
            place = f"{responses.get_region()}:{responses.get_account_id()}"
            return f"arn:aws:ses:{place}:identity/{json.loads(body)['FromEmailAddress']}"
        if service == "ssm" and b'"OpsItemId"' in body:
            place = f"{responses.get_region()}:{responses.get_account_id()}"
            return f"arn:aws:ssm:{place}:opsitem/{json.loads(body)['OpsItemId']}"
        if service in RESOURCES and (found := RESOURCES[service](path, json.loads(body or b"{}"))):
            return found
        return resource_of(service, method, path, headers, body, *rest, **named)

    def resolved(key: str, context: Any) -> Any:
        service, _, tag = key.partition(":ResourceTag/")
        if tag and service in TAGS:
            return TAGS[service](context.resource_arn).get(tag)
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = resolved
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


def _check(machine: str, resource: str, given: dict[str, Any]) -> None:
    """Checks that the machine's role allows the call of a Task. Raises what the state fails with."""
    allowed = list(granted(_role(machine)))
    service = resource.split(":::")[-1].removesuffix(".waitForTaskToken")
    if service not in PERMISSIONS and _named(service) in {action.partition(":")[2].lower() for action, _ in allowed}:
        return  # a call that a step describes itself: what it is about is not known here
    if service not in PERMISSIONS:
        message = f"no adapter of the local runtime states which permissions {service} needs (PERMISSIONS)"
        raise engine._ExecutionError("States.Runtime", message)
    for action, name in PERMISSIONS[service](given, f"{responses.get_region()}:{responses.get_account_id()}"):
        require(machine, action, name)


def require(machine: str, action: str, resource: str) -> None:
    """Raises what a state fails with, unless the machine's role allows the action on the resource."""
    role = _role(machine)
    if not any(action == known and fnmatchcase(resource, pattern) for known, pattern in granted(role)):
        message = f"{role} is not authorized to perform: {action} on resource: {resource}"
        raise engine._ExecutionError(f"{action.split(':')[0].capitalize()}.AccessDeniedException", message)


def _role(machine: str) -> str:
    """A child of a distributed Map, whose ARN ends with the Map's label, has the role of its machine."""
    role: str = engine._state_machines[machine.partition("/")[0]]["roleArn"]
    return role


def _named(service: str) -> str:
    """The action of a call without its service, whose name IAM spells in a way of its own."""
    return service.rpartition(":")[2].lower()


def _invoke(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    function = given["FunctionName"]
    whole = function.startswith("arn:")
    yield "lambda:InvokeFunction", function if whole else f"arn:aws:lambda:{place}:function:{function}"


def _put_events(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    yield from (("events:PutEvents", each["EventBusName"]) for each in given["Entries"])


def _publish(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    yield "sns:Publish", given["TopicArn"]
    key = (sns._topics.get(given["TopicArn"]) or {}).get("attributes", {}).get("KmsMasterKeyId")
    if key:
        arn = key if key.startswith("arn:") else f"arn:aws:kms:{place}:key/{key}"
        yield from ((action, arn) for action in ("kms:GenerateDataKey", "kms:Decrypt"))


# What every machine may call; what steps call, the adapters of their types add. A function of it gives the action and the resource
# of each permission that the call needs; `place` is `<region>:<account>`.
PERMISSIONS: dict[str, Needed] = {
    "lambda:invoke": _invoke,
    "events:putEvents": _put_events,
    "sns:publish": _publish,
}
# What the endpoint cannot name: the resource of a call, by its service, path and parameters; None where the endpoint names it. The adapters of step
# types add to it.
RESOURCES: dict[str, Callable[[str, dict[str, Any]], str | None]] = {}
# The tags of a resource by its ARN, for the conditions `<service>:ResourceTag/<key>`. The adapters of step types add to it.
TAGS: dict[str, Callable[[str], dict[str, str]]] = {}


def listed(value: Any) -> list[Any]:
    """The values of a policy element, which may be one value or a list."""
    return value if isinstance(value, list) else [value]
