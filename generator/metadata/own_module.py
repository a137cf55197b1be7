"""Checks the code of a project's own step type without running it: what it states has to agree with the schema, and it runs inside Headgate's functions."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headgate.generator.findings import Finding
from headgate.generator.metadata.reading_rules import OWN_TYPE
from headgate.generator.steps import StepType

# What a module in the functions' folder may import besides the standard library: the SDK of the runtime, and what Headgate's own types use.
ALLOWED = ("boto3", "botocore", "clients", "contract", "job_run", "own_steps", "state", "step_types")
ARGUMENTS = {"ended": 1, "ask": 1, "stop": 1, "console": 3, "marked": 2, "launched": 4}
NEEDED, FINDABLE = ("ended", "ask", "stop", "console"), ("marked", "launched")


def problems(kind: StepType, path: Path) -> Iterator[Finding]:
    """The findings about `functions.py`."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, ValueError, OSError) as error:
        yield _finding(path, str(error), "a Python module", getattr(error, "lineno", 0) or 0)
        return
    for node in ast.walk(tree):
        for name in _imported(node):
            if name not in sys.stdlib_module_names and name not in ALLOWED:
                expected = "the standard library, boto3, or Headgate's modules: the functions are deployed without other packages"
                yield _finding(path, f"import of `{name}`", expected, getattr(node, "lineno", 0))
    stated = dict(_constants(tree))
    for name, value in _expected(kind).items():
        if stated.get(name, ...) != value:
            found = repr(stated[name]) if name in stated else f"no {name}"
            yield _finding(path, found, f"{name} = {value!r}, as schema.json has it")
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    findable = FINDABLE if kind.note("unanswered") else ()
    for name in (*NEEDED, *findable):
        if name not in functions:
            yield _finding(
                path, f"no function `{name}`", f"def {name}(...), as functions/step_types/__init__.py states it"
            )
    for name, node in functions.items():
        count = len(node.args.posonlyargs) + len(node.args.args)
        if name in ARGUMENTS and count != ARGUMENTS[name]:
            yield _finding(path, f"`{name}` with {count} arguments", f"{ARGUMENTS[name]} arguments", node.lineno)


def _expected(kind: StepType) -> dict[str, Any]:
    event = kind.note("event") or {}
    return {
        "RESOURCE": kind.resource, "ARGUMENTS": kind.schema["x-arguments"], "SOURCE": event.get("source"),
        "DETAIL_TYPE": event.get("detail-type"),
    }  # fmt: skip


def _constants(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    """The names that the module gives a literal, also several at once."""
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        try:
            value = ast.literal_eval(node.value)
        except ValueError:
            continue
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, value
            elif isinstance(target, ast.Tuple) and isinstance(value, tuple):
                yield from (
                    (each.id, part)
                    for each, part in zip(target.elts, value, strict=False)
                    if isinstance(each, ast.Name)
                )


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name.partition(".")[0] for each in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [(node.module or "").partition(".")[0]]
    return []


def _finding(path: Path, found: str, expected: str, line: int = 0) -> Finding:
    return Finding(OWN_TYPE, path, "", found, expected).on(line)
