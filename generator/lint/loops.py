"""Loops of a definition. A loop is paced by a Wait, which says how often it can be gone around within a time."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.lint.machine_checks import after, history
from headgate.generator.plan.asl import Machine, inner_machines


def unpaced(machine: Machine) -> Iterator[str]:
    """A state of each loop that can be gone around without a Wait of stated seconds."""
    states = {name: state for name, state in machine["States"].items() if not _seconds(state)}
    found: set[str] = set()
    for name in states:
        behind = after({**machine, "States": states}, name)
        if name in behind and name not in found:
            found |= {each for each in behind & states.keys() if name in after({**machine, "States": states}, each)}
            yield name
    for state in machine["States"].values():
        for inner in inner_machines(state):
            yield from unpaced(inner)


def longest_history(machine: Machine, timeout: int) -> int:
    """The history events of the states within so many seconds at worst."""

    def rounds(of: Machine, name: str) -> int:
        """Every way around goes through a Wait: the shortest of them says how often there is time for it."""
        waits = {each: _seconds(of["States"][each]) for each in after(of, name) if _seconds(of["States"][each])}
        return 1 + max((timeout // seconds for each, seconds in waits.items() if name in after(of, each)), default=0)

    return history(machine, rounds)


def _seconds(state: dict[str, Any]) -> int:
    return int(state["Seconds"]) if state["Type"] == "Wait" and isinstance(state.get("Seconds"), int) else 0
