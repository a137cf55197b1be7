"""Reading a machine as Amazon States Language has it: what tests and proofs need to walk through a definition."""

import re
from collections.abc import Iterator
from typing import Any

Machine = dict[str, Any]
INTEGRATION, IN_PARTITION = "arn:aws:states:::", "arn:${Partition}:states:::"
PLACEHOLDER = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}")


def inner_machines(state: dict[str, Any]) -> list[Machine]:
    """The branches of a Parallel, and what a Map runs for each item (`Iterator` is its name in older definitions)."""
    return [*state.get("Branches", ()), *(state[key] for key in ("ItemProcessor", "Iterator") if key in state)]


def is_distributed(machine: Machine) -> bool:
    """Whether a Map runs the machine in an execution of its own for each item."""
    return bool(machine.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


def all_states(machine: Machine) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state with its name, those inside Parallel and Map included."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in inner_machines(state):
            yield from all_states(inner)


def own_part(state: dict[str, Any]) -> dict[str, Any]:
    """The state without the states inside it."""

    def bare(machine: Machine) -> Machine:
        return {key: part for key, part in machine.items() if key != "States"}

    own = state | {key: bare(state[key]) for key in ("ItemProcessor", "Iterator") if key in state}
    return own | ({"Branches": [bare(each) for each in state["Branches"]]} if "Branches" in state else {})


def tasks(machine: Machine) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Task with its name, those inside Parallel and Map included."""
    return ((name, state) for name, state in all_states(machine) if state["Type"] == "Task")


def in_partition(machine: Machine) -> Machine:
    """The machine with its integrations in the partition that it is deployed to: Step Functions refuses those of another."""
    made: dict[str, Any] = {}
    for name, state in machine["States"].items():
        state = dict(state)
        if isinstance(state.get("Resource"), str):
            state["Resource"] = state["Resource"].replace(INTEGRATION, IN_PARTITION, 1)
        for key in ("ItemProcessor", "Iterator"):
            if key in state:
                state[key] = in_partition(state[key])
        if "Branches" in state:
            state["Branches"] = [in_partition(each) for each in state["Branches"]]
        made[name] = state
    return {**machine, "States": made}


def service_call(resource: str) -> str:
    """`arn:aws:states:::lambda:invoke.waitForTaskToken` -> `lambda:invoke`; without the `aws-sdk:` of an SDK integration."""
    return resource.split(":::", 1)[-1].split(".", 1)[0].removeprefix("aws-sdk:")
