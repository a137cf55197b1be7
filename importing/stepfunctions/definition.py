"""A machine as it stands, in the form that `pipeline.definition` takes (docs/decisions/0048)."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from headgate.importing.calls import NotCarriedOver
from headgate.importing.stepfunctions.machines import Machine, all_states

TIMEOUT = 28800  # seconds of a Task that states none: as of most step types
INPUT = "Input of the execution"
ARNS = {
    "sns:publish": ("sns:Publish", "TopicArn"),
    "lambda:invoke": ("lambda:InvokeFunction", "FunctionName"),
    "states:startExecution": ("states:StartExecution", "StateMachineArn"),
}
TABLES = {"getItem": "GetItem", "putItem": "PutItem", "updateItem": "UpdateItem", "deleteItem": "DeleteItem"}


def as_it_stands(machine: Machine) -> tuple[str, list[dict[str, str]], list[str]]:
    """The text of the file, the permissions that follow from it, and what was changed in it. Raises `NotCarriedOver`."""
    if machine.unfilled:
        raise NotCarriedOver(
            f"has the placeholders {', '.join(machine.unfilled)}, which a deployment fills in: give them by --substitute"
        )
    definition = copy.deepcopy(machine.definition)
    if definition.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise NotCarriedOver("uses JSONata")
    if "$$.Execution.Input" in json.dumps(definition):
        raise NotCarriedOver("reads $$.Execution.Input, which here is the input of Headgate's machine")
    changed: list[str] = []
    for name, state in all_states(definition):
        for retrier in state.get("Retry", ()):
            if isinstance(retrier.get("BackoffRate"), int):  # Step Functions takes both, statelint the other one
                retrier["BackoffRate"] = float(retrier["BackoffRate"])
        if state["Type"] != "Task":
            continue
        if ":function:" in str(state.get("Resource")):
            _invoke(name, state)
            changed.append(f"state {name}: the function is called through lambda:invoke")
        if not state.keys() & {"TimeoutSeconds", "TimeoutSecondsPath"}:
            state["TimeoutSeconds"] = TIMEOUT
            changed.append(f"state {name}: TimeoutSeconds of 8 hours is added: state how long it may take")
    if '"$' in json.dumps(definition["States"]) or "InputPath" in json.dumps(definition):
        definition["States"] = {INPUT: {"Type": "Pass", "InputPath": "$.input", "Next": definition["StartAt"]}, **definition["States"]}  # fmt: skip
        definition["StartAt"] = INPUT
    return json.dumps(definition, indent=2, ensure_ascii=False) + "\n", list(_grants(definition)), changed


def missing_input(definition: dict[str, Any], given: Any) -> list[str]:
    """The keys of the execution's input that states read and `given` does not have: as far as the input is passed on from the beginning."""
    states = definition["States"]
    known = set(given) if isinstance(given, dict) else set()
    wanted: set[str] = set()
    left, seen = [(definition["StartAt"], frozenset(known))], set[str]()
    while left:
        name, made = left.pop(0)
        if name in seen:
            continue
        seen.add(name)
        state = states[name]
        wanted |= {key for key in _read(state) if key not in made}
        result = state.get("ResultPath", "$")
        if state["Type"] in ("Task", "Parallel", "Map") or (
            state["Type"] == "Pass" and state.keys() & {"Result", "Parameters"}
        ):
            if result == "$" or "OutputPath" in state:
                continue  # what comes behind reads its output
            made = made | {str(result).removeprefix("$.").partition(".")[0].partition("[")[0]} if result else made
        behind = [state.get("Next"), state.get("Default"), *(each.get("Next") for each in state.get("Choices", ()))]
        left += [(each, made) for each in behind if each is not None]
    return sorted(wanted)


def _read(state: dict[str, Any]) -> set[str]:
    """The keys of the state's input that it reads, by paths such as `$.date`."""
    own = {key: each for key, each in state.items() if key in ("Parameters", "InputPath", "ItemsPath", "Choices", "SecondsPath", "TimestampPath", "TimeoutSecondsPath")}  # fmt: skip
    return {
        found
        for text in _paths(own)
        for found in [text.removeprefix("$.").partition(".")[0].partition("[")[0]]
        if found
    }


def _paths(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, str) and each.startswith("$.") and (key.endswith((".$", "Path")) or key == "Variable"):
                yield each
            else:
                yield from _paths(each)
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each)


def _invoke(name: str, state: dict[str, Any]) -> None:
    """The newer form of a call of a function by its ARN; the output is the same where it is the whole output of the state."""
    if state.keys() & {"ResultPath", "ResultSelector", "OutputPath"}:
        raise NotCarriedOver(
            f"calls a function by its ARN in the state {name} and puts its result into a part of the data: use lambda:invoke there"
        )
    arn = state["Resource"]
    payload = {"Payload": state["Parameters"]} if "Parameters" in state else {"Payload.$": "$"}
    state["Resource"] = "arn:aws:states:::lambda:invoke"
    state["Parameters"] = {"FunctionName": arn, **payload}
    state["OutputPath"] = "$.Payload"


def _grants(definition: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Permissions for calls that name what they are made on. Those for functions and Glue jobs are derived by the generator."""
    found: dict[tuple[str, str], None] = {}
    for _, state in all_states(definition):
        service = str(state.get("Resource", "")).rpartition(":states:::")[2].removeprefix("aws-sdk:").partition(".")[0]
        parameters = state.get("Parameters") or {}
        action, key = ARNS.get(service, ("", ""))
        if service != "lambda:invoke" and str(parameters.get(key, "")).startswith("arn:"):
            found[action, parameters[key]] = None
        owner, _, call = service.partition(":")
        table = parameters.get("TableName")
        if owner == "dynamodb" and call in TABLES and isinstance(table, str):
            arn = (
                table
                if table.startswith("arn:")
                else f"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/{table}"
            )
            found[f"dynamodb:{TABLES[call]}", arn] = None
    for action, resource in found:
        yield {"action": action, "resource": resource}
