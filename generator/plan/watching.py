"""How the application watches the work of the step types in use: the events that tell of its end, and what its functions may
ask the services about it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from os.path import commonprefix
from typing import Any

import orjson

from headgate.generator.model.product import Step
from headgate.generator.plan import names as names_of
from headgate.generator.plan.grants import Statement, longest, referenced
from headgate.generator.steps import PLACE, filled_in, filled_in_condition, step_types

# Characters of a managed policy, without white space (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
MAX_MANAGED_POLICY = 6_144
# Characters of an event pattern (docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html).
MAX_PATTERN = 2_048

Grant = tuple[str, bytes]  # the resource as the note writes it, and the condition as JSON


@dataclass(frozen=True, slots=True)
class Watching:
    """`patterns`: the event pattern of each step type whose service sends events, and of each step that describes its own. `statements`: of one
    managed policy. `forms`: for those patterns whose events are given one form, that form as EventBridge's InputTransformer has it."""

    patterns: dict[str, dict[str, Any]]
    statements: list[Statement]
    forms: dict[str, dict[str, Any]] = field(default_factory=dict)


def watching(steps: Iterable[Step]) -> Watching:
    """What to watch for these steps, in alphabetical order.

    A statement names the resources of the steps. While the policy would be too long, the longest list of names is replaced by one
    pattern: what the names begin with, and `*`.
    """
    given = list(steps)
    types = {each.type for each in given}
    actions: dict[Grant, set[str]] = {}
    names: dict[Grant, set[str]] = {}
    for step in given:
        resource = {step_types()[step.type].resource: names_of.resource(step)} if names_of.is_deployed(step) else {}
        known = step.settings | resource
        for grant in step_types()[step.type].note("watch-grants", ()):
            condition = filled_in_condition(grant.get("condition"), known)
            same = grant["resource"], orjson.dumps(condition, option=orjson.OPT_SORT_KEYS)
            actions.setdefault(same, set()).add(grant["action"])
            names.setdefault(same, set()).update(filled_in(grant["resource"], known))
    while longest(_statements(actions, names)) > MAX_MANAGED_POLICY:
        most = max(sorted(names), key=lambda each: len(names[each]))
        if len(names[most]) == 1:
            break  # too many step types for one policy: cfn-lint refuses it
        names[most] = {commonprefix(sorted(names[most])) + "*"}  # noqa: RUF071 - of texts, not of paths
    events = {each: step_types()[each].note("event") for each in sorted(types)}
    patterns = {
        name: _pattern(event, [each.settings for each in given if each.type == name])
        for name, event in events.items()
        if event
    }
    described = {digest(each): each for each in _described(given)}
    patterns |= {name: _frame(each) | {"detail": each["detail"]} for name, each in sorted(described.items())}
    forms = {name: _form(each) for name, each in sorted(described.items())}
    return Watching(patterns, _statements(actions, names), forms)


def _described(steps: Iterable[Step]) -> Iterator[dict[str, Any]]:
    """The events that steps themselves describe, with the name of the work: an end that comes before its launch is recorded is kept by that name."""
    for step in steps:
        kind = step_types()[step.type]
        note = kind.note("given-event")
        if note and (event := step.settings.get(note["property"])):
            yield {"detail-type": event["detail_type"], "type": step.type, "job": step.settings[kind.resource], **event}


def digest(event: dict[str, Any]) -> str:
    """A name for these events that no other events have."""
    text = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
    return f"{event['type']}-{blake2b(text, digest_size=6).hexdigest()}"


def _form(event: dict[str, Any]) -> dict[str, Any]:
    """As `functions/step_types/task.py` reads it. EventBridge puts quotes around a text that it fills in
    (docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html)."""
    note = step_types()[event["type"]].note("given-event")
    known = {key: event[key] for key in ("job", "source", "succeeded", "failed")}
    rest = orjson.dumps(known).decode()[1:-1]
    template = f'{{"source":"{note["source"]}","detail-type":"{note["detail-type"]}","detail":{{"run_id":<run_id>,"state":<state>,{rest}}}}}'
    return {"InputPathsMap": {"run_id": event["run_id"], "state": event["state"]}, "InputTemplate": template}


def _pattern(event: dict[str, Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The EventBridge pattern of an `x-event` note, whose source and detail type are plain text. Where the names of the steps make it too long,
    what they begin with stands for them."""
    frame = _frame(event)
    if "detail" not in event:
        return frame
    whole = frame | {"detail": _detail(event["detail"], steps, lambda names: names)}
    if len(orjson.dumps(whole)) <= MAX_PATTERN:
        return whole
    return frame | {"detail": _detail(event["detail"], steps, lambda names: [{"prefix": commonprefix(names)}])}  # noqa: RUF071


def _frame(event: dict[str, Any]) -> dict[str, Any]:
    return {"source": [event["source"]], "detail-type": [event["detail-type"]]}


def _detail(detail: Any, steps: list[dict[str, Any]], named: Callable[[list[str]], list[Any]]) -> Any:
    if isinstance(detail, dict):
        return {key: _detail(each, steps, named) for key, each in detail.items()}
    found: list[Any] = []
    for each in detail:
        if isinstance(each, str) and PLACE.search(each):
            found += named(sorted({name for settings in steps for name in filled_in(each, settings)}))
        else:
            found.append(each)
    return found


def _statements(actions: dict[Grant, set[str]], names: dict[Grant, set[str]]) -> list[Statement]:
    return [
        {
            "Effect": "Allow",
            "Action": sorted(actions[each]),
            "Resource": [_resource(name) for name in sorted(names[each])],
        }
        | ({"Condition": referenced(condition)} if (condition := orjson.loads(each[1])) else {})
        for each in sorted(names)
    ]


def _resource(name: str) -> Any:
    return {"Fn::Sub": name} if "${" in name else name
