"""The calls to AWS that the states of a definition make, as far as their permissions follow from what they name."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.plan.asl import Machine, service_call, tasks
from headgate.generator.plan.states import Call
from headgate.generator.steps import StepType, filled_in, step_types


def calls_in(machine: Machine) -> Iterator[tuple[str, tuple[Call, ...]]]:
    """Each task with the permissions that are derived for it; none where they do not follow from what stands in the file."""
    for name, task in tasks(machine):
        yield name, tuple(_calls(task))


def work_in(machine: Machine) -> dict[str, list[str]]:
    """The names of what the tasks run, by step type, as far as they stand in the file: the last part of an ARN."""
    found: dict[str, set[str]] = {}
    for _, task in tasks(machine):
        for kind, named in _named(task):
            found.setdefault(kind.name, set()).add(named[kind.resource].rpartition("function:")[2].rpartition("/")[2])
    return {kind: sorted(names) for kind, names in sorted(found.items())}


def _named(task: dict[str, Any]) -> Iterator[tuple[StepType, dict[str, str]]]:
    """The type whose work the task starts, with the properties that its parameters name."""
    service = service_call(task["Resource"])
    for kind in step_types().values():
        wanted = kind.note("called-with", {}).get(service, {})
        named = {key: task.get("Parameters", {}).get(parameter) for key, parameter in wanted.items()}
        if wanted and all(isinstance(each, str) for each in named.values()):
            yield kind, named


def _calls(task: dict[str, Any]) -> Iterator[Call]:
    for kind, named in _named(task):
        for note in ("grants", "watch-grants") if ".sync" in task["Resource"] else ("grants",):
            yield from _granted(kind, note, named)


def _granted(kind: StepType, note: str, named: dict[str, Any]) -> Iterator[Call]:
    """A resource that is named by its ARN is taken as it is."""
    arn = next((each for each in named.values() if each.startswith("arn:")), None)
    for each in kind.note(note, ()):
        for resource in filled_in(each["resource"], named):
            call = each.get("call") if note == "grants" else ""
            yield Call(each["action"], in_policies(arn or resource), service_call=call)


def in_policies(arn: str) -> str:
    """The ARN of a definition as policies have it: CloudFormation's own names have colons, which placeholders of machines cannot have."""
    return arn.replace("${Partition}", "${AWS::Partition}").replace("${Region}", "${AWS::Region}").replace("${AccountId}", "${AWS::AccountId}")  # fmt: skip
