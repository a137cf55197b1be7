"""Which tests pytest-xdist gives to one worker: those that share a fixture of their module, or of all modules, so that it is made once.

`--dist loadgroup` of pytest-xdist 3.8 does nothing with pytest 9.2: it writes the group into an attribute that is no longer read.
"""

import ast
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

FOLDER = Path(__file__).parent


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types for it
    """Distributes tests one by one, except those that share a fixture."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, name = nodeid.partition("::")
        fixture = shared_by(self.config.rootpath / path).get(name.split("[")[0])
        if fixture in _of_scope("package"):
            return f"@{fixture}"
        return f"{path}@{fixture}" if fixture else nodeid


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
