"""The questions about the catalog: `mesh`, every product and dependency by columns, and `search`."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from columns import columns
from state.calls import State

FORM = 1  # of the answer: it is part of the digest, so that a reader does not keep the form of a release before
FOUND = 50  # products of a search
Entry = dict[str, Any]
Pages = Callable[..., tuple[list[Entry], bool]]


def mesh(state: State, known: str | None, pages: Pages, page: int) -> Entry:
    """The products in columns, and the dependencies: `to` and `from` are numbers of products, `leaf` the number in the condition of `to`, and `any` the numbers of
    the dependencies that stand in a group of which one may be enough. Numbers from the count of products on are those of `others`, which
    are not in the catalog. `unchanged` where `known` is the digest of the answer."""
    load = state.current_load()
    digest = f"{FORM} {load.load} {load.commit}"
    answer = {"digest": digest, "commit": load.commit, "committed_at": load.committed_at, "loaded_at": load.loaded_at}
    if known == digest:
        return {**answer, "unchanged": True}
    rows, more = pages(lambda after: state.mesh_page(after, page))
    names = {row["product"]: number for number, row in enumerate(rows)}
    numbers = dict(names)
    dependencies: list[tuple[int, int, int, bool]] = []
    for row in rows:
        choices = set(_in_choices(row.pop("condition", None)))
        for leaf, upstream in enumerate(row.pop("inputs", ())):
            number = numbers.setdefault(upstream, len(numbers))
            dependencies.append((names[row["product"]], number, leaf, leaf in choices))
    return {
        **answer, "products": columns(rows, date.min), "others": list(numbers)[len(names) :],
        "dependencies": {
            "to": [each[0] for each in dependencies], "from": [each[1] for each in dependencies], "leaf": [each[2] for each in dependencies],
            "any": [number for number, each in enumerate(dependencies) if each[3]],
        },
        "more": more,
    }  # fmt: skip


def search(state: State, words: str, pages: Pages) -> Entry:
    """The products that have every word in their name, owner, description or the name of a job, the best first."""
    given = words.lower().split()
    found, more = pages(lambda after: state.search_products(given, after, FOUND + 1), FOUND + 1, FOUND)
    return {"words": words, "products": found, "more": more}


def _in_choices(node: Any, within: bool = False) -> Iterator[int]:
    """The leaves below an `any_of`."""
    if isinstance(node, int):
        if within:
            yield node
    elif node:
        ((operator, members),) = node.items()
        for member in members:
            yield from _in_choices(member, within or operator == "any_of")
