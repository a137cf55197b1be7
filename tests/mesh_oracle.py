"""How a day of a mesh has to end once everything has been fixed, in a few lines that know nothing of SQL, events or accounts."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

Condition = dict[str, Any]
Mesh = dict[str, dict[str, Any]]
Key = tuple[str, date]
Value = bool | None  # None: it may still come to hold


def leaves(node: Condition) -> list[Condition]:
    return [node] if "product" in node else [each for member in node[next(iter(node))] for each in leaves(member)]


def is_fallback(leaf: Condition) -> bool:
    return "COMPLETED" not in leaf["status"]


@dataclass
class Facts:
    """What became of one day. `statuses`: those of the last attempt of each product, in order. `waived`: inputs that were waived."""

    statuses: dict[str, list[str]] = field(default_factory=dict)
    waived: set[tuple[str, str]] = field(default_factory=set)

    def holds(self, product: str, node: Condition) -> Value:
        if "product" in node:
            return self._leaf(product, node)
        values = [self.holds(product, member) for member in node[next(iter(node))]]
        if "all_of" in node:
            return False if False in values else None if None in values else True
        return True if True in values else None if None in values else False

    def _leaf(self, product: str, leaf: Condition) -> Value:
        upstream = leaf["product"]
        if (product, upstream) in self.waived:
            return True
        found = self.statuses.get(upstream, [])
        if set(found) & set(leaf["status"]):
            return True
        ended = found[-1] if found else None
        may_be_fixed = ended == "ERROR"
        has_started = ended == "COMPLETED" and "STARTED" in leaf["status"]
        return None if ended is None or may_be_fixed or has_started else False
