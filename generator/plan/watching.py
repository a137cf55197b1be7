"""How the application watches the work of the step types in use: the events that tell of its end, and what its functions may
ask the services about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any

from headgate.generator.model.product import Step
from headgate.generator.plan.grants import Statement, longest
from headgate.generator.steps import filled_in, step_types

# Characters of a managed policy, without white space (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
MAX_MANAGED_POLICY = 6_144


@dataclass(frozen=True, slots=True)
class Watching:
    """`patterns`: the event pattern of each step type whose service sends events. `statements`: of one managed policy."""

    patterns: dict[str, dict[str, Any]]
    statements: list[Statement]


def watching(steps: Iterable[Step]) -> Watching:
    """What to watch for these steps, in alphabetical order.

    A statement names the resources of the steps. While the policy would be too long, the longest list of names is replaced by one
    pattern: what the names begin with, and `*`.
    """
    types: set[str] = set()
    actions: dict[str, set[str]] = {}  # by the resource as the note writes it
    names: dict[str, set[str]] = {}
    for step in steps:
        types.add(step.type)
        for grant in step_types()[step.type].note("watch-grants", ()):
            actions.setdefault(grant["resource"], set()).add(grant["action"])
            names.setdefault(grant["resource"], set()).add(filled_in(grant["resource"], step.settings))
    while longest(_statements(actions, names)) > MAX_MANAGED_POLICY:
        most = max(sorted(names), key=lambda each: len(names[each]))
        if len(names[most]) == 1:
            break  # too many step types for one policy: cfn-lint refuses it
        names[most] = {commonprefix(sorted(names[most])) + "*"}  # noqa: RUF071 - of texts, not of paths
    events = {each: step_types()[each].note("event") for each in sorted(types)}
    return Watching({name: _pattern(event) for name, event in events.items() if event}, _statements(actions, names))


def _pattern(event: dict[str, Any]) -> dict[str, Any]:
    """The EventBridge pattern of an `x-event` note, whose source and detail type are plain text."""
    detail = {"detail": event["detail"]} if "detail" in event else {}
    return {"source": [event["source"]], "detail-type": [event["detail-type"]], **detail}


def _statements(actions: dict[str, set[str]], names: dict[str, set[str]]) -> list[Statement]:
    return [
        {
            "Effect": "Allow",
            "Action": sorted(actions[each]),
            "Resource": [{"Fn::Sub": name} for name in sorted(names[each])],
        }
        for each in sorted(names)
    ]
