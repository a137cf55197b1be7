"""State machines and schedules in JSON files: definitions, the answers of `describe-state-machine`, `get-schedule` and `list-rules`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from headgate.importing.shapes import check
from headgate.importing.source_file import Problem, SourceError, described

State = dict[str, Any]
EXPECTED = "a definition in Amazon States Language, or the answer of `aws stepfunctions describe-state-machine`, `aws scheduler get-schedule` or `aws events list-rules`"
SUBSTITUTION = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_:.]*)\}")
KNOWN = {"AWS::Partition": "Partition", "AWS::Region": "Region", "AWS::AccountId": "AccountId"}


@dataclass(frozen=True, slots=True)
class Machine:
    """A definition. `kind` is STANDARD or EXPRESS."""

    name: str
    definition: dict[str, Any]
    file: str
    kind: str = "STANDARD"

    @property
    def unfilled(self) -> list[str]:
        """The placeholders that a deployment would have filled in."""
        return sorted(set(SUBSTITUTION.findall(json.dumps(self.definition))) - set(KNOWN.values()))


@dataclass(frozen=True, slots=True)
class Starter:
    """A schedule that starts a machine, with its input."""

    name: str
    expression: str
    zone: str
    machine: str
    input: Any = None
    enabled: bool = True


@dataclass(slots=True)
class Export:
    machines: list[Machine] = field(default_factory=list)
    starters: list[Starter] = field(default_factory=list)


def read(value: Any, file: str, substitutes: dict[str, str], into: Export) -> None:
    """Adds what the JSON value of a file holds. The name of the file names a definition that has none. Raises `SourceError`."""
    stem = file.rpartition("/")[2].removesuffix(".json").removesuffix(".asl")
    for each in value if isinstance(value, list) else [value]:
        _add(each, file, stem, substitutes, into)


def all_states(definition: dict[str, Any]) -> Iterator[tuple[str, State]]:
    """Every state, those of branches and iterations included."""
    for name, state in definition["States"].items():
        yield name, state
        for inner in inner_machines(state):
            yield from all_states(inner)


def inner_machines(state: State) -> list[dict[str, Any]]:
    return [*state.get("Branches", ()), *(state[key] for key in ("ItemProcessor", "Iterator") if key in state)]


def _add(value: Any, file: str, stem: str, substitutes: dict[str, str], export: Export) -> None:
    if not isinstance(value, dict):
        raise SourceError(Problem(file, "", described(value), EXPECTED))
    if "States" in value:
        export.machines.append(Machine(stem, _checked(_filled(value, substitutes), file), file))
    elif isinstance(value.get("definition"), str):
        try:
            definition = json.loads(value["definition"])
        except ValueError as error:
            problem = Problem(file, "/definition", f"no JSON: {error}", "the definition of the machine")
            raise SourceError(problem) from None
        name = str(value.get("name") or value.get("stateMachineArn", stem).rpartition(":")[2])
        export.machines.append(
            Machine(name, _checked(_filled(definition, substitutes), file), file, str(value.get("type", "STANDARD")))
        )
    elif "ScheduleExpression" in value or "Rules" in value:
        for rule in value.get("Rules", [value]):
            export.starters += _starters(rule)
    else:
        raise SourceError(Problem(file, "", described(value), EXPECTED))


def _starters(rule: dict[str, Any]) -> Iterator[Starter]:
    targets = rule.get("Targets") or ([rule["Target"]] if "Target" in rule else [])
    for each in targets:
        arn = str(each.get("Arn", ""))
        given = each.get("Input")
        try:
            value = json.loads(given) if isinstance(given, str) else given
        except ValueError:
            value = given
        if ":stateMachine:" in arn or "${" in arn:
            yield Starter(
                str(rule.get("Name", "")), str(rule.get("ScheduleExpression", "")), str(rule.get("ScheduleExpressionTimezone") or "UTC"),
                arn.rpartition(":")[2], value, rule.get("State", "ENABLED") == "ENABLED",
            )  # fmt: skip


def _filled(value: Any, substitutes: dict[str, str]) -> Any:
    """With the placeholders of a SAM application filled in. Those that CloudFormation knows keep their name in definitions of Headgate."""
    if isinstance(value, dict):
        return {key: _filled(each, substitutes) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, substitutes) for each in value]
    if isinstance(value, str):
        return SUBSTITUTION.sub(lambda match: substitutes.get(match[1], f"${{{KNOWN[match[1]]}}}" if match[1] in KNOWN else match[0]), value)  # fmt: skip
    return value


def _checked(definition: Any, file: str) -> dict[str, Any]:
    check(definition, "stepfunctions", file)
    problems = list(_dangling(definition, file, ""))
    if problems:
        raise SourceError(*problems)
    return dict(definition)


def _dangling(machine: dict[str, Any], file: str, at: str) -> Iterator[Problem]:
    """The names of next states that are none."""
    states = machine["States"]
    if machine["StartAt"] not in states:
        yield Problem(file, f"{at}/StartAt", machine["StartAt"], "the name of a state")
    for name, state in states.items():
        behind = [each["Next"] for key in ("Catch", "Choices") for each in state.get(key, ())]
        for each in [state.get("Next"), state.get("Default"), *behind]:
            if each is not None and each not in states:
                yield Problem(file, f"{at}/States/{name}", f"the next state {each}", "the name of a state")
        for inner in inner_machines(state):
            yield from _dangling(inner, file, f"{at}/States/{name}")
