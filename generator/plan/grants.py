"""What a machine may do, derived from what it calls: one statement an action, on the names it is called with."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from headgate.generator.plan.machine import MachinePlan
from headgate.generator.steps import step_types

Statement = dict[str, Any]
Calls = dict[str, frozenset[str]]
MAX_POLICY = 10_240  # characters of the inline policies of a role
LONGEST_ARN = 120  # of a function, a bus, a topic or a key
PLACEHOLDER = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}")

# The machine's own calls: the IAM action, and the parameter that names what is called. None: IAM knows no resource for
# the action (docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html).
_OWN: dict[str, tuple[str, str | None]] = {
    "lambda:invoke": ("lambda:InvokeFunction", "FunctionName"),
    "events:putEvents": ("events:PutEvents", "EventBusName"),
    "sns:publish": ("sns:Publish", "TopicArn"),
    "aws-sdk:ssm:createOpsItem": ("ssm:CreateOpsItem", None),
}

# The topic is encrypted: who publishes has to be allowed to use its key as well
# (docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#sns-what-permissions-for-sse).
_ENCRYPTED = {"sns:Publish": ("kms:Decrypt", "kms:GenerateDataKey")}

# What every machine needs for its log and traces; none of these actions can be limited to a resource
# (docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy, .../xray-iam.html).
WATCHING: list[Statement] = [
    {
        "Sid": "DeliverLogs",
        "Effect": "Allow",
        "Action": [
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
        "Resource": "*",
    },
    {
        "Sid": "SendTraces",
        "Effect": "Allow",
        "Action": [
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        ],
        "Resource": "*",
    },
]


def tasks(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Task with its name, those inside Parallel and Map included."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        for branch in state.get("Branches", ()):
            yield from tasks(branch["States"])
        if "ItemProcessor" in state:
            yield from tasks(state["ItemProcessor"]["States"])


def service_call(resource: str) -> str:
    """`arn:aws:states:::lambda:invoke.waitForTaskToken` -> `lambda:invoke`."""
    return resource.split(":::", 1)[-1].split(".", 1)[0]


def calls(definition: dict[str, Any]) -> Calls:
    """What the machine itself calls, by IAM action; what its steps call is for their types to say."""
    called: dict[str, set[str]] = {}
    for _, task in tasks(definition["States"]):
        action, parameter = _OWN.get(service_call(task["Resource"]), ("", None))
        named = _named(task["Parameters"], parameter) if parameter else {"*"}
        if action and named:
            called.setdefault(action, set()).update(named)
    return {action: frozenset(names) for action, names in called.items()}


def statements(called: Calls, plan: MachinePlan) -> list[Statement]:
    """The statements of the machine's role, in the order of their actions."""
    allowed = {action: set(names) for action, names in called.items()}
    for step in plan.steps():
        for grant in step_types()[step.type].note("grants", ()):
            allowed.setdefault(grant["action"], set()).add(_filled_in(grant["resource"], step.settings))
    for action in _ENCRYPTED.keys() & allowed.keys():
        allowed |= {use: {"${KeyArn}"} for use in _ENCRYPTED[action]}
    return [
        {"Effect": "Allow", "Action": action, "Resource": _resources(sorted(names))}
        for action, names in sorted(allowed.items())
    ]


def policy_size(plan: MachinePlan) -> int:
    """How many characters the role's policy has at most once CloudFormation has put in what it knows; IAM counts no white space."""
    called = {action: frozenset({"*"} if parameter is None else {"${X}"}) for action, parameter in _OWN.values()}
    text = orjson.dumps({"Version": "2012-10-17", "Statement": statements(called, plan) + WATCHING}).decode()
    for known, longest in (("Partition", 10), ("Region", 14), ("AccountId", 12)):
        text = text.replace(f"${{AWS::{known}}}", "x" * longest)
    references = text.count('{"Ref":') + 3  # a machine calls four functions
    return len(text) - text.count('{"Fn::Sub":') * len('{"Fn::Sub":}') + references * LONGEST_ARN


def _filled_in(resource: str, settings: dict[str, Any]) -> str:
    """`{property}` replaced by the step's setting; CloudFormation's `${...}` stays."""
    return re.sub(r"(?<!\$)\{(\w+)\}", lambda match: str(settings[match[1]]), resource)


def ungranted(definition: dict[str, Any], granted: list[Statement]) -> list[str]:
    """The tasks whose call no statement allows: `glue:startJobRun` needs `glue:StartJobRun`."""
    actions = {each["Action"].lower() for each in granted if isinstance(each["Action"], str)}
    aliases = {call: action for call, (action, _) in _OWN.items()}
    found = []
    for name, task in tasks(definition["States"]):
        call = service_call(task["Resource"])
        if aliases.get(call, call.removeprefix("aws-sdk:")).lower() not in actions:
            found.append(name)
    return found


def _named(parameters: dict[str, Any], key: str) -> set[str]:
    """What the task calls: `key` in its parameters, or in each of its entries. What a path gives, a step type grants."""
    if key in parameters:
        return {parameters[key]}
    return {entry[key] for entry in parameters.get("Entries", ())}


def _resources(names: list[str]) -> Any:
    values = [_reference(name) for name in names]
    return values[0] if len(values) == 1 else values


def _reference(name: str) -> Any:
    match = PLACEHOLDER.fullmatch(name)
    if match:
        return {"Ref": match[1]}
    return {"Fn::Sub": name} if "${" in name else name
