"""A graph of tasks as the steps of a pipeline: sequences and parallel branches that keep every order of the graph."""

from collections.abc import Callable, Mapping
from typing import Any

WIDEST = 40  # members of one `parallel`
Graph = Mapping[str, frozenset[str]]  # each task with the tasks before it


def arranged(graph: Graph, step: Callable[[str], dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """The steps, and the tasks that now wait for more than before: a graph that is no nest of sequences and parallel branches is run in stages.

    Tasks keep the order of the graph's keys wherever they are equal. The graph has no cycle and names only its own tasks.
    """
    waiting: list[str] = []
    return _sequence(list(graph), graph, step, waiting), waiting


def without(graph: Graph, left_out: set[str]) -> dict[str, frozenset[str]]:
    """The graph without some tasks; what came before one of them comes before what came after it."""

    def before(task: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        found: set[str] = set()
        for each in graph[task] - seen:
            found |= before(each, seen | {each}) if each in left_out else {each}
        return frozenset(found)

    return {task: before(task) for task in graph if task not in left_out}


def cyclic(graph: Graph) -> bool:
    done: set[str] = set()
    while ready := [each for each, before in graph.items() if each not in done and before <= done]:
        done.update(ready)
    return len(done) < len(graph)


def _sequence(
    tasks: list[str], graph: Graph, step: Callable[[str], dict[str, Any]], waiting: list[str]
) -> list[dict[str, Any]]:
    if len(tasks) == 1:
        return [step(tasks[0])]
    parts = _components(tasks, graph)
    if len(parts) > 1:
        branches = [_branch(_sequence(each, graph, step, waiting)) for each in parts]
        return [_parallel(branches)]
    levels = _levels(tasks, graph)
    last = max(levels.values())
    for level in range(last):
        first, rest = _cut(tasks, levels, level)
        if _follows(first, rest, graph):
            return [*_sequence(first, graph, step, waiting), *_sequence(rest, graph, step, waiting)]
    first, rest = _cut(tasks, levels, 0)
    waiting += [each for each in rest if not set(first) <= _ancestors(each, graph) and graph[each] & set(first)]
    return [*_sequence(first, graph, step, waiting), *_sequence(rest, graph, step, waiting)]


def _branch(steps: list[dict[str, Any]]) -> dict[str, Any]:
    return steps[0] if len(steps) == 1 and "parallel" not in steps[0] else {"steps": steps}


def _parallel(branches: list[dict[str, Any]]) -> dict[str, Any]:
    """One `parallel`, or several inside one where there are too many members."""
    if len(branches) <= WIDEST:
        return {"parallel": branches}
    size = -(-len(branches) // WIDEST)
    parts = [branches[start : start + size] for start in range(0, len(branches), size)]
    return {"parallel": [each[0] if len(each) == 1 else {"steps": [_parallel(each)]} for each in parts]}


def _components(tasks: list[str], graph: Graph) -> list[list[str]]:
    """The parts of the graph that have nothing to do with each other."""
    inside = set(tasks)
    root = {task: task for task in tasks}

    def top(task: str) -> str:
        while root[task] != task:
            root[task] = task = root[root[task]]
        return task

    for task in tasks:
        for each in graph[task] & inside:
            root[top(each)] = top(task)
    parts: dict[str, list[str]] = {}
    for task in tasks:
        parts.setdefault(top(task), []).append(task)
    return list(parts.values())


def _levels(tasks: list[str], graph: Graph) -> dict[str, int]:
    """How many tasks come before each on the longest way."""
    inside, levels = set(tasks), dict[str, int]()
    while len(levels) < len(tasks):
        for task in tasks:
            before = graph[task] & inside
            if task not in levels and before <= levels.keys():
                levels[task] = max((levels[each] + 1 for each in before), default=0)
    return levels


def _cut(tasks: list[str], levels: dict[str, int], level: int) -> tuple[list[str], list[str]]:
    return [each for each in tasks if levels[each] <= level], [each for each in tasks if levels[each] > level]


def _follows(first: list[str], rest: list[str], graph: Graph) -> bool:
    """Whether all of the rest waits for all of the first anyway."""
    behind = set(rest)
    ends = set(first) - {before for each in first for before in graph[each]}
    return all(ends <= _ancestors(each, graph) for each in rest if not graph[each] & behind)


def _ancestors(task: str, graph: Graph) -> set[str]:
    found: set[str] = set()
    left = list(graph[task])
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            left += graph[each]
    return found
