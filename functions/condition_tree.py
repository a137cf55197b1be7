"""The condition of a run as a tree whose leaves say what has arrived."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

Entry = dict[str, Any]
THERE = ("arrived", "waived")


def condition_tree(condition: Any, inputs: Sequence[Entry]) -> Entry | None:
    """A group is {all_of or any_of: [members], state}; a leaf one of the inputs [{leaf, product, state, ...}], or where several cycles have to arrive
    {leaf, product, state, cycles: [input]}. `state` is arrived, waived (of an input), missing or impossible. None without a condition."""
    leaves = {number: _leaf(list(members)) for number, members in groupby(inputs, key=lambda each: int(each["leaf"]))}
    return None if condition is None else _node(condition, leaves)


def _leaf(inputs: list[Entry]) -> Entry:
    if len(inputs) == 1:
        return inputs[0]
    return {"leaf": inputs[0]["leaf"], "product": inputs[0]["product"], "state": _all(inputs), "cycles": inputs}


def _node(node: Any, leaves: dict[int, Entry]) -> Entry:
    if isinstance(node, int):
        return leaves.get(node, {"leaf": node, "state": "missing"})
    ((operator, given),) = node.items()
    members = [_node(each, leaves) for each in given]
    return {operator: members, "state": _all(members) if operator == "all_of" else _any(members)}


def _all(members: list[Entry]) -> str:
    states = {each["state"] for each in members}
    if states <= set(THERE):
        return "arrived"
    return "impossible" if "impossible" in states else "missing"


def _any(members: list[Entry]) -> str:
    states = {each["state"] for each in members}
    if states & set(THERE):
        return "arrived"
    return "impossible" if states == {"impossible"} else "missing"
