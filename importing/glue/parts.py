"""What triggers start together: each part has one beginning, and becomes one product."""

from dataclasses import dataclass, field
from typing import Any

from headgate.importing.glue.export import Item

Node = tuple[str, int]  # a trigger, and which of its actions


@dataclass(slots=True)
class Part:
    """The trigger at its beginning, with the actions behind it and what each waits for. `upstream` are the beginnings of the parts that a
    conditional trigger at the beginning waits for; `any` says that one of them is enough."""

    start: Item
    nodes: dict[Node, Item] = field(default_factory=dict)
    before: dict[Node, frozenset[Node]] = field(default_factory=dict)
    upstream: list[str] = field(default_factory=list)
    any: bool = False
    reasons: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.start["Name"])


def parts_of(triggers: dict[str, Item]) -> list[Part]:
    """The parts, those before others first. A conditional trigger belongs to the part that has all it waits for; one that waits for several parts
    is the beginning of its own."""
    left = {name: each for name, each in sorted(triggers.items()) if each["Type"] == "CONDITIONAL"}
    parts = [_begun(Part(each)) for name, each in sorted(triggers.items()) if each["Type"] != "CONDITIONAL"]
    for part in parts:
        _grow(part, left)
    while left:
        ready = next((each for each in left.values() if all(_found(parts, wanted) for wanted in _wanted(each))), None)
        if ready is None:  # they wait for work that no trigger here starts
            ready = left[min(left)]
        del left[ready["Name"]]
        part = Part(ready)
        part.upstream = sorted({found.name for wanted in _wanted(ready) for found in _found(parts, wanted)})
        part.any = _any(ready)
        missing = [_spoken(each) for each in _wanted(ready) if not _found(parts, each)]
        if missing:
            part.reasons.append(f"waits for {', '.join(missing)}, which no trigger in the export starts")
        part.reasons += _other_states(ready)
        _grow(_begun(part), left)
        parts.append(part)
    return parts


def work(action: Item) -> str:
    """What an action starts, as conditions name it: `job x` or `crawler x`."""
    return f"crawler {action['CrawlerName']}" if action.get("CrawlerName") else f"job {action.get('JobName')}"


def _begun(part: Part) -> Part:
    _take(part, part.start, frozenset())
    return part


def _take(part: Part, trigger: Item, before: frozenset[Node]) -> None:
    for number, action in enumerate(trigger["Actions"]):
        part.nodes[trigger["Name"], number] = action
        part.before[trigger["Name"], number] = before


def _grow(part: Part, left: dict[str, Item]) -> None:
    """Takes the triggers whose conditions are all about work of this part."""
    while True:
        inside = {work(each) for each in part.nodes.values()}
        ready = next((each for each in left.values() if {_spoken(wanted) for wanted in _wanted(each)} <= inside), None)
        if ready is None:
            return
        del left[ready["Name"]]
        wanted = {_spoken(each) for each in _wanted(ready)}
        if _any(ready):
            part.reasons.append(
                f"the trigger {ready['Name']} fires when one of several is done ({', '.join(sorted(wanted))})"
            )
        part.reasons += _other_states(ready)
        _take(part, ready, frozenset(node for node, action in part.nodes.items() if work(action) in wanted))


def _wanted(trigger: Item) -> list[dict[str, Any]]:
    return list(trigger["Predicate"]["Conditions"])


def _any(trigger: Item) -> bool:
    return trigger["Predicate"].get("Logical") == "ANY" and len({_spoken(each) for each in _wanted(trigger)}) > 1


def _other_states(trigger: Item) -> list[str]:
    states = sorted({f"{_spoken(each)} is {state}" for each in _wanted(trigger) for state in [each.get("State") or each.get("CrawlState") or "SUCCEEDED"] if state != "SUCCEEDED"})  # fmt: skip
    return [f"the trigger {trigger['Name']} fires when {', '.join(states)}, and steps go on after success only"] if states else []  # fmt: skip


def _found(parts: list[Part], condition: Item) -> list[Part]:
    return [each for each in parts if any(work(action) == _spoken(condition) for action in each.nodes.values())]


def _spoken(condition: Item) -> str:
    return work(condition)
