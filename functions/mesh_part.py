"""The part of an answer to `mesh` that is of certain domains."""

from collections.abc import Callable
from datetime import date
from typing import Any

from columns import columns, rows

Entry = dict[str, Any]


def part_of_mesh(mesh: Entry, may_read: Callable[[str], bool]) -> Entry:
    """The products of these domains and what they depend on. Of products of other domains only the names remain, where one of these depends on them."""
    found = rows(mesh["products"], date.min)
    names = [row["product"] for row in found] + mesh["others"]
    kept = [row for row in found if may_read(row["product"].split("/")[0])]
    numbers = {row["product"]: number for number, row in enumerate(kept)}
    given = mesh["dependencies"]
    choices = set(given["any"])
    to: list[int] = []
    come: list[int] = []
    leaf: list[int] = []
    of_many: list[int] = []
    for number, (target, source) in enumerate(zip(given["to"], given["from"], strict=True)):
        place = numbers.get(names[target])
        if place is not None and place < len(kept):
            of_many += [len(to)] if number in choices else []
            to.append(place)
            come.append(numbers.setdefault(names[source], len(numbers)))
            leaf.append(given["leaf"][number])
    return {
        **mesh, "products": columns(kept, date.min), "others": list(numbers)[len(kept) :],
        "dependencies": {"to": to, "from": come, "leaf": leaf, "any": of_many},
    }  # fmt: skip
