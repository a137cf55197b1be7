"""Runs a file of the metadata that yields products: `products/<domain>/<file>.py` with `products()`. The code is the project's own, as its metadata is."""

import contextlib
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import orjson

from headgate.generator.findings import Finding
from headgate.generator.metadata.files import BUCKETS, MAX_NAME, NAME, RESERVED
from headgate.generator.metadata.reading_rules import PYTHON
from headgate.products import Product

EXPECTED = "a function products() that yields values of headgate.products.Product"


@dataclass(frozen=True)
class Yielded:
    """A product of a file. `file` is its place in findings: the file, and in it the product."""

    name: str
    document: dict[str, Any]
    file: Path


def products_of(path: Path, taken: Iterable[str], findings: list[Finding]) -> Iterator[Yielded]:
    """The products that the file yields; what keeps one from being one is added to the findings. `taken` are names of the domain's other files."""
    known = set(taken)
    for each in _run(path, findings):
        if not isinstance(each, Product):
            findings.append(_finding(path, f"a value of the type {type(each).__name__}", EXPECTED))
        elif problem := _name_problem(each.name, known):
            findings.append(_finding(path, *problem))
        else:
            known.add(each.name)
            place = path / each.name
            try:
                yield Yielded(each.name, orjson.loads(orjson.dumps(each.document())), place)
            except TypeError as error:
                findings.append(_finding(place, str(error), "texts, numbers, true, false, lists and mappings"))


def _run(path: Path, findings: list[Finding]) -> list[Any]:
    """Everything that the file yields; nothing if it raises. What it prints goes to standard error, and it finds modules beside itself."""
    spec = spec_from_file_location(f"headgate_products_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    before, beside = set(sys.modules), str(path.parent.absolute())
    sys.path.insert(0, beside)
    try:
        with contextlib.redirect_stdout(sys.stderr), _without_bytecode():
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return list(module.products())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the code of the project does
        lines = [
            each.lineno
            for each in traceback.extract_tb(error.__traceback__)
            if Path(each.filename) == path.absolute() or each.filename == str(path)
        ]
        line = (lines[-1] if lines else getattr(error, "lineno", 0)) or 0
        findings.append(_finding(path, f"{type(error).__name__}: {error}", EXPECTED, line))
        return []
    finally:
        sys.path.remove(beside)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(beside):
                del sys.modules[name]


@contextlib.contextmanager
def _without_bytecode() -> Iterator[None]:
    """No `__pycache__` appears among the metadata."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _name_problem(name: str, known: set[str]) -> tuple[str, str] | None:
    if not isinstance(name, str) or len(name) > MAX_NAME or not NAME.fullmatch(name):
        return f"a product named `{name}`", f"lower-case letters, digits and single dashes, at most {MAX_NAME}"
    if name in (*RESERVED, "domain", BUCKETS):
        return f"a product named `{name}`", "another name: Headgate writes files of this name itself"
    return (f"a second product named `{name}`", "each product once in its domain") if name in known else None


def _finding(path: Path, found: str, expected: str, line: int = 0) -> Finding:
    return Finding(PYTHON, path, "", found, expected).on(line)
