"""Renders state machines: each state by the template of its form."""

from typing import Any

import orjson

from headgate.generator.plan.asl import IN_PARTITION, INTEGRATION
from headgate.generator.plan.machine import plan_machine
from headgate.generator.plan.outline import MachineOutline
from headgate.generator.plan.states import Flow, State
from headgate.generator.render.environment import environment

WITHOUT_NEXT = ("Succeed", "Fail")
ORDER = ("Type", "Comment", "Resource", "TimeoutSeconds", "Branches", "ItemsPath", "MaxConcurrency", "ItemSelector", "ItemProcessor", "Choices", "Parameters", "ResultSelector", "ResultPath")  # fmt: skip


def render_machine(given: MachineOutline) -> dict[str, Any]:
    """The machine's definition as ASL (https://states-language.net), placeholders unresolved."""
    return {"Comment": given.comment, **_flow(plan_machine(given))}


def _flow(planned: Flow) -> dict[str, Any]:
    states = {}
    for state in planned.states:
        states[state.name] = render_state(state)
        if states[state.name]["Type"] == "Map":
            states[state.name]["ItemProcessor"] |= _flow(state.branches[0])
        elif state.branches:
            states[state.name]["Branches"] = [_flow(branch) for branch in state.branches]
    return {"StartAt": planned.start, "States": {name: _ordered(state) for name, state in states.items()}}


def _ordered(state: dict[str, Any]) -> dict[str, Any]:
    first = {key: state[key] for key in ORDER if key in state}
    return first | {key: value for key, value in state.items() if key not in first}


def render_state(state: State) -> dict[str, Any]:
    """One state without its branches: its form, and what is planned around it."""
    made: dict[str, Any] = orjson.loads(environment().get_template(template_of(state)).render(state.values))
    if "Resource" in made:
        made["Resource"] = made["Resource"].replace(INTEGRATION, IN_PARTITION, 1)
    if state.comment:
        made["Comment"] = state.comment
    if state.timeout is not None:
        made["TimeoutSeconds"] = state.timeout
    if state.retry:
        made["Retry"] = list(state.retry)
    if state.catch:
        made["Catch"] = [
            {"ErrorEquals": list(each.errors), "ResultPath": each.path, "Next": each.next} for each in state.catch
        ]
    if made["Type"] == "Choice":
        made["Default"] = state.next
    elif state.next:
        made["Next"] = state.next
    elif made["Type"] not in WITHOUT_NEXT:
        made["End"] = True
    return made


def template_of(state: State) -> str:
    return f"{state.form}.asl.j2"
