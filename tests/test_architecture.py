"""Who may import whom, and where things stand."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A layer imports what stands before it, never what comes after.
LAYERS = (
    ("second_process", "findings", "file_names", "progress", "quality", "steps", "schemas"),
    ("model",),
    ("plan",),
    ("cache", "file_digests", "metadata", "rules", "render", "graph", "scenario_names"),
    ("contracts",),
    ("lint", "output"),
    ("reference_texts",),
    ("generate", "reference"),
    ("project",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module in ("headgate", "headgate.generator")
                else [node.module]
            )


def packages(path: Path) -> set[str]:
    """The parts of the project that the file imports: `generator`, `local`, `cli`, or a module of the functions."""
    return {each.removeprefix("headgate.").split(".")[0] for each in imports(path)}


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


FUNCTIONS = {path.stem if path.suffix else path.name for path in (ROOT / "functions").iterdir()} - {"__pycache__"}
FORBIDDEN = {
    "generator": {"local", "cli", "deployment", "board", "importing", "projects", *FUNCTIONS},
    "importing": {"local", "cli", "deployment", "board", "projects", *FUNCTIONS},
    "functions": {"headgate", "generator", "importing", "local", "cli", "deployment", "board", "projects"},
    "deployment": {"generator", "importing", "local", "cli", "board", "projects", *FUNCTIONS},
    "local": {"generator", "importing", "cli", "board", "projects", *FUNCTIONS},
    "board": {"generator", "importing", "local", "cli", "deployment", "projects", *FUNCTIONS},
    "projects": {"generator", "importing", "local", "cli", "deployment", "board", *FUNCTIONS},
    "cli": FUNCTIONS,
}


@pytest.mark.parametrize("part", FORBIDDEN)
def test_parts_share_data_and_not_code(part: str) -> None:
    for path in python_files(part):
        assert not packages(path) & FORBIDDEN[part], path


@pytest.mark.parametrize("path", python_files("generator"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_downwards(path: Path) -> None:
    part = path.relative_to(ROOT / "generator").parts[0].removesuffix(".py")
    for each in imports(path):
        if each.startswith("headgate.generator.") and part != "__init__":
            imported = each.split(".")[2]
            assert RANK[imported] < RANK[part] or imported == part or {imported, part} <= set(LAYERS[RANK[part]]), each


@pytest.mark.parametrize(
    "path",
    [
        each
        for folder in (
            "generator",
            "importing",
            "functions",
            "deployment",
            "local",
            "cli",
            "board",
            "projects",
            "tests",
            "benchmarks",
        )
        for each in python_files(folder)
    ],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_every_module_says_what_it_is_and_stays_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert path.name == "__init__.py" or ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= (500 if path.name.startswith("test_") else 260)


CLOCKS = re.compile(
    r"\b(?:datetime|date)\.(?:now|utcnow|today)\(|\btime\.time\(|\b(?:now|clock_timestamp|statement_timestamp)\(\)|\bcurrent_(?:date|time)"
)


def test_the_functions_read_the_clock_in_one_place() -> None:
    """Every decision takes its moment as an argument: no other module and no SQL reads the clock."""
    functions = ROOT / "functions"
    reading = {
        path.relative_to(functions).as_posix()
        for path in (*functions.rglob("*.py"), *functions.rglob("*.sql"))
        if CLOCKS.search(path.read_text("utf-8").replace("runtime.now()", "").lower())
    }
    assert reading == {"runtime.py", "state/migrate.py"}  # a migration notes when it was applied
