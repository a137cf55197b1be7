"""Who may import whom, and where things stand."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A layer imports what stands before it, never what comes after.
LAYERS = (
    ("findings", "steps"),
    ("model",),
    ("plan",),
    ("memo", "metadata", "rules", "render", "graph"),
    ("lint", "output"),
    ("generate", "reference"),
    ("commands",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "generator" else [node.module]
            )


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_generator_and_functions_share_no_code() -> None:
    for folder, other in (("generator", "functions"), ("functions", "generator")):
        for path in python_files(folder):
            assert not [each for each in imports(path) if each.split(".")[0] == other], path


def test_the_local_runtime_knows_neither_and_only_commands_know_it() -> None:
    for path in python_files("local"):
        assert not [
            each for each in imports(path) if each.split(".")[0] in ("generator", "functions", "runtime", "state")
        ], path
    for path in (*python_files("functions"), *python_files("generator")):
        if path.parent.name != "commands":
            assert not [each for each in imports(path) if each.split(".")[0] == "local"], path


@pytest.mark.parametrize("path", python_files("generator"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_downwards(path: Path) -> None:
    part = path.relative_to(ROOT / "generator").parts[0].removesuffix(".py")
    for each in imports(path):
        if each.startswith("generator.") and part != "__init__":
            imported = each.split(".")[1]
            assert RANK[imported] < RANK[part] or imported == part or {imported, part} <= set(LAYERS[RANK[part]]), each


@pytest.mark.parametrize(
    "path",
    [each for folder in ("generator", "functions", "local", "tests", "benchmarks") for each in python_files(folder)],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_every_module_says_what_it_is_and_stays_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert path.name == "__init__.py" or ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= (500 if path.name.startswith("test_") else 260)
