"""Reading a machine as Amazon States Language has it: what tests and proofs need to walk through a definition."""

import re
from collections.abc import Iterator
from typing import Any

Machine = dict[str, Any]
PLACEHOLDER = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}")


def inner_machines(state: dict[str, Any]) -> list[Machine]:
    """The branches of a Parallel, and what a Map runs for each item (`Iterator` is its name in older definitions)."""
    return [*state.get("Branches", ()), *(state[key] for key in ("ItemProcessor", "Iterator") if key in state)]


def all_states(machine: Machine) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state with its name, those inside Parallel and Map included."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in inner_machines(state):
            yield from all_states(inner)


def tasks(machine: Machine) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Task with its name, those inside Parallel and Map included."""
    return ((name, state) for name, state in all_states(machine) if state["Type"] == "Task")


def service_call(resource: str) -> str:
    """`arn:aws:states:::lambda:invoke.waitForTaskToken` -> `lambda:invoke`; without the `aws-sdk:` of an SDK integration."""
    return resource.split(":::", 1)[-1].split(".", 1)[0].removeprefix("aws-sdk:")
