"""The states of a machine as the steps of a pipeline, where sequences and parallel branches say the same."""

from typing import Any

from headgate.importing.calls import NotCarriedOver, Remarks
from headgate.importing.names import Names, step_names
from headgate.importing.stepfunctions.tasks import step_of

NOTIFIES = ("sns:publish", "sqs:sendMessage", "events:putEvents", "ses:sendEmail")  # what handlers of errors do
Definition = dict[str, Any]


def steps_of(definition: Definition) -> tuple[list[dict[str, Any]], Remarks]:
    """The steps, and what is not in them, each with its state. Raises `NotCarriedOver` for a machine that steps cannot say."""
    remarks = Remarks()
    names = step_names()
    steps = _sequence(definition, names, remarks)
    if not steps:
        raise NotCarriedOver("has no task that starts work")
    return steps, remarks


def _sequence(definition: Definition, names: Names, remarks: Remarks) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    name, seen = definition["StartAt"], set[str]()
    while name is not None:
        if name in seen:
            raise NotCarriedOver(f"goes around in a loop at {name}")
        seen.add(name)
        state = definition["States"][name]
        steps += _state(name, state, definition, names, remarks)
        name = state.get("Next")
    return steps


def _state(name: str, state: dict[str, Any], definition: Definition, names: Names, remarks: Remarks) -> list[dict[str, Any]]:  # fmt: skip
    if state.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise NotCarriedOver("uses JSONata")
    _check_handlers(name, state, definition, remarks)
    match state["Type"]:
        case "Succeed":
            return []
        case "Pass":
            if state.keys() & {"Result", "Parameters"}:
                raise NotCarriedOver(f"makes data in the state {name}, which later states may read")
            return []
        case "Task":
            found = Remarks()
            try:
                made = step_of(state, found)
            except NotCarriedOver as reason:
                raise NotCarriedOver(f"the state {name} {reason}") from None
            remarks += [(kind, f"state {name}: {each}") for kind, each in found]
            return [{"name": names.of(name), **made}]
        case "Parallel":
            if state.get("Retry"):
                raise NotCarriedOver(f"repeats all branches of {name} together")
            branches = [each for each in (_sequence(branch, names, remarks) for branch in state["Branches"]) if each]
            if len(branches) < 2:
                return branches[0] if branches else []
            return [{"parallel": [each[0] if len(each) == 1 and "parallel" not in each[0] else {"steps": each} for each in branches]}]  # fmt: skip
    what = {
        "Choice": "decides by data",
        "Wait": "waits for a time",
        "Map": "iterates over data",
        "Fail": "fails at the end of its own course",
    }
    raise NotCarriedOver(f"{what.get(state['Type'], 'has a state of the type ' + state['Type'])} in the state {name}")


def _check_handlers(name: str, state: dict[str, Any], definition: Definition, remarks: Remarks) -> None:
    """A handler that notifies and fails is what every product has anyway. Raises `NotCarriedOver` for any other."""
    for each in state.get("Catch", ()):
        at, calls, seen = each["Next"], list[str](), set[str]()
        while at is not None and at not in seen:
            seen.add(at)
            handler = definition["States"][at]
            service = str(handler.get("Resource", "")).rpartition(":states:::")[2].partition(".")[0]
            if handler["Type"] == "Fail":
                told = f" ({', '.join(calls)})" if calls else ""
                remarks.to_do(
                    f"state {name}: its Catch{told} is left out; Headgate records the error: state in `notify` who is notified"
                )
                break
            if handler["Type"] != "Pass" and service not in NOTIFIES:
                raise NotCarriedOver(f"goes on after an error of {name}")
            calls += [service] if service else []
            at = handler.get("Next")
        else:
            raise NotCarriedOver(f"goes on after an error of {name}")
