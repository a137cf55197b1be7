"""The arguments of a step: any JSON object, with placeholders in its texts."""

from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def leaves(value: Any, *path: str | int) -> Iterator[tuple[Path, Any]]:
    """The plain values inside `value`, each with its path of keys and indexes. An empty object or list is a value of its own."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from leaves(part, *path, key)
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from leaves(part, *path, index)
    else:
        yield path, value


def texts(value: Any) -> Iterator[tuple[Path, str]]:
    """The texts among the leaves."""
    return ((path, leaf) for path, leaf in leaves(value) if isinstance(leaf, str))
