"""What a machine may do, derived from the calls its states are planned with: one statement an action, on the names called."""

from collections.abc import Iterable
from typing import Any

import orjson

from headgate.generator.plan.asl import PLACEHOLDER, Machine, service_call, tasks
from headgate.generator.plan.states import Call, Flow

Statement = dict[str, Any]
MAX_POLICY = 10_240  # characters of the inline policies of a role
LONGEST_ARN = 120  # of a function, a bus, a topic or a key

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


def statements(calls: Iterable[Call]) -> list[Statement]:
    """The statements of the machine's role, in the order of their actions."""
    allowed: dict[tuple[str, bytes], set[str]] = {}
    for call in calls:
        condition = orjson.dumps(call.condition) if call.condition else b""
        allowed.setdefault((call.action, condition), set()).add(call.resource)
    granted: list[Statement] = []
    for (action, condition), resources in sorted(allowed.items()):
        granted.append({"Effect": "Allow", "Action": action, "Resource": _resources(sorted(resources))})
        if condition:
            granted[-1]["Condition"] = referenced(orjson.loads(condition))
    return granted


def policy_size(granted: list[Statement]) -> int:
    """The characters of a machine's role at most, as `longest` counts them."""
    return longest(granted + WATCHING)


def longest(policy: list[Statement]) -> int:
    """The characters of a policy at most once CloudFormation has put in what it knows; IAM counts no white space."""
    text = orjson.dumps({"Version": "2012-10-17", "Statement": policy}).decode()
    for known, length in (("Partition", 10), ("Region", 14), ("AccountId", 12)):
        text = text.replace(f"${{AWS::{known}}}", "x" * length)
    return len(text) - text.count('{"Fn::Sub":') * len('{"Fn::Sub":}') + text.count('{"Ref":') * LONGEST_ARN


def ungranted(definition: Machine, planned: Flow, granted: list[Statement]) -> list[str]:
    """The tasks of the rendered machine whose call is not among those that their state is planned with, or whose planned
    calls no statement allows."""
    allowed = {(each["Action"], repr(name)) for each in granted for name in listed(each["Resource"])}
    calls = {name: state.calls for state in planned.every_state() for name in (state.name, *state.inside)}
    return [
        name
        for name, task in tasks(definition)
        if not any(makes(call, service_call(task["Resource"])) for call in calls.get(name, ()))
        or any((call.action, repr(_reference(call.resource))) not in allowed for call in calls[name])
    ]


def makes(call: Call, service: str) -> bool:
    """Whether it is the permission for the integration. IAM spells the action of `glue:startJobRun` as `glue:StartJobRun`, and a service's name with dashes."""
    if call.service_call is not None:
        return call.service_call == service
    return call.action.replace("-", "").lower() == service.lower()


def referenced(condition: Any) -> Any:
    """The condition, or the names of a statement, with CloudFormation's functions where a text has a placeholder."""
    if isinstance(condition, dict):
        return {key: referenced(each) for key, each in condition.items()}
    if isinstance(condition, list):
        return [referenced(each) for each in condition]
    return _reference(condition) if isinstance(condition, str) else condition


def _resources(names: list[str]) -> Any:
    values = [_reference(name) for name in names]
    return values[0] if len(values) == 1 else values


def listed(resources: Any) -> list[Any]:
    """The resources of a statement as a list."""
    return resources if isinstance(resources, list) else [resources]


def _reference(name: str) -> Any:
    if "${" not in name:
        return name
    match = PLACEHOLDER.fullmatch(name)
    return {"Ref": match[1]} if match else {"Fn::Sub": name}
