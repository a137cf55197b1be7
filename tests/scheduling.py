"""In which order pytest-xdist distributes the tests, and which it gives to one worker: those that share a fixture of their module, or of all modules, so
that it is made once.

`--dist loadgroup` of pytest-xdist 3.8 does nothing with pytest 9.2: it writes the group into an attribute that is no longer read.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.local_application import needs_sam

FOLDER = Path(__file__).parent
SLOW_SHARE = 0.8  # of the quick tests so many stand between slow ones; the others come last


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types for it
    """Distributes tests one by one, except those that share a fixture, in the order in which a worker has them."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return together(self.config.rootpath, nodeid)


def together(root: Path, nodeid: str) -> str:
    """What the tests have in common that one worker executes."""
    path, _, name = nodeid.partition("::")
    fixture = shared_by(root / path).get(name.split("[")[0])
    if fixture in _of_scope("package"):
        return f"@{fixture}"
    return f"{path}@{fixture}" if fixture else nodeid


def distributed(root: Path, items: list[pytest.Item]) -> list[pytest.Item]:
    """What deploys an application begins first. The other slow tests follow with quick ones between them, which compute while slow ones wait: those that
    share a fixture before single ones. Quick ones come last, so that no worker is left alone with a long one."""
    units: dict[str, list[pytest.Item]] = {}
    for item in items:
        units.setdefault(together(root, item.nodeid), []).append(item)
    largest_first = sorted(units.values(), key=len, reverse=True)
    deploying = [each for each in largest_first if needs_sam.mark in each[0].iter_markers()]
    others = [each for each in largest_first if needs_sam.mark not in each[0].iter_markers()]
    slow = [each for each in others if each[0].get_closest_marker("slow")]
    quick = [each for each in others if not each[0].get_closest_marker("slow")]
    places = [
        *((place * SLOW_SHARE, unit) for place, unit in _spread(slow)),
        *_spread(quick),
    ]
    mixed = [unit for _, unit in sorted(places, key=lambda place: place[0])]
    return [item for unit in [*deploying, *mixed] for item in unit]


def _spread(units: list[list[pytest.Item]]) -> Iterator[tuple[float, list[pytest.Item]]]:
    """Each with its place between 0 and 1, at equal distances."""
    return ((number / len(units), unit) for number, unit in enumerate(units))


@cache
def shared_by(path: Path) -> dict[str, str]:
    """Of the tests in a file, by name, the first fixture of module scope, or of package scope, that each asks for."""
    functions = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]
    own = {each.name for each in functions if _has_scope(each, "module")}
    shared = own | _of_scope("module") | _of_scope("package")
    found = {each.name: [one.arg for one in each.args.args if one.arg in shared] for each in functions}
    return {name: fixtures[0] for name, fixtures in found.items() if fixtures and name.startswith("test_")}


@cache
def _of_scope(scope: str) -> set[str]:
    """The fixtures of that scope that stand beside the tests."""
    modules = [ast.parse(path.read_text("utf-8")) for path in FOLDER.glob("*.py") if not path.name.startswith("test_")]
    return {
        node.name
        for each in modules
        for node in each.body
        if isinstance(node, ast.FunctionDef) and _has_scope(node, scope)
    }


def _has_scope(function: ast.FunctionDef, scope: str) -> bool:
    return any(ast.unparse(each).startswith(f"pytest.fixture(scope='{scope}'") for each in function.decorator_list)
