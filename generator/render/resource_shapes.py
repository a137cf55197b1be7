"""The shapes of products' resources in a template: what differs in names and texts only."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from headgate.generator.plan.grants import listed
from headgate.generator.plan.resources import ProductResources
from headgate.generator.render.shapes import Marker


def resource_texts(given: ProductResources) -> dict[str, str]:
    """What is this product's own in its resources, by the names of its tokens."""
    own = {"logical_id": given.logical_id, "id": given.id, "machine": given.machine, "file": given.definition_file}
    own |= {f"tag{number}": text for number, text in enumerate(given.tags.values())}
    own |= {f"deployed{number}": text for number, text in enumerate(_leaves(given.deployed))}
    own |= {f"deployedid{number}": text for number, text in enumerate(given.deployed)}
    texts = (value["Fn::Sub"] if isinstance(value, dict) else value for value in given.values() if not _refers(value))
    return own | {f"value{number}": text for number, text in enumerate(texts)}


def resource_prototype(given: ProductResources, marker: Marker) -> ProductResources:
    """The resources with tokens in the place of their texts."""
    numbers = count()

    def replaced(value: Any) -> Any:
        if isinstance(value, list):
            return [replaced(each) for each in value]
        if _refers(value):
            return value
        text = marker.token(f"value{next(numbers)}")
        return {"Fn::Sub": text} if isinstance(value, dict) else text

    token, leaves, ids = marker.token, count(), count()
    return ProductResources(
        token("id"), token("logical_id"), token("machine"), token("file"), given.placeholders,
        [{**each, "Resource": replaced(each["Resource"])} for each in given.statements],
        {name: token(f"tag{number}") for number, name in enumerate(given.tags)},
        {
            token(f"deployedid{next(ids)}"): _with_leaves(each, lambda _: token(f"deployed{next(leaves)}"))
            for each in given.deployed.values()
        },
    )  # fmt: skip


def resource_shape(given: ProductResources) -> str:
    """Equal for products whose resources differ in names and texts only: they have equal prototypes, and no linter can tell
    them apart."""
    statements = [
        (
            each["Action"],
            each.get("Condition"),
            isinstance(each["Resource"], list),
            [*map(_form, listed(each["Resource"]))],
        )
        for each in given.statements
    ]
    deployed = [_with_leaves(each, lambda text: "text") for each in given.deployed.values()]
    return repr((given.placeholders, tuple(given.tags), statements, *([deployed] if deployed else ())))


def _leaves(value: Any) -> Iterator[str]:
    """The texts in the values of a resource."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)


def _with_leaves(value: Any, replaced: Callable[[str], str]) -> Any:
    """The same with other texts."""
    if isinstance(value, dict):
        return {key: _with_leaves(each, replaced) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_leaves(each, replaced) for each in value]
    return replaced(value) if isinstance(value, str) else value


def _form(value: Any) -> str:
    return f"Ref {value['Ref']}" if _refers(value) else "Fn::Sub" if isinstance(value, dict) else "text"


def _refers(value: Any) -> bool:
    return isinstance(value, dict) and "Ref" in value
