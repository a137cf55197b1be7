"""A group that the pattern of file names does not have."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.files import ARRIVAL, Source
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Product
from headgate.generator.rules.file_pattern import usable

RULE = Rule(
    "HG702",
    "group that the pattern does not have",
    "What is read from the name of a file is the text of a named group.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        source = product.files
        if source is None or not usable(source.pattern):
            continue
        for place, group in (*missing_groups(source), *_missing_of_batches(product, source)):
            yield _finding(mesh.file(product), place, group, list(re.compile(source.pattern).groupindex))


def _finding(file: Path, place: str, group: str, known: list[str]) -> Finding:
    near = difflib.get_close_matches(group, known, n=1)
    listed = ", ".join(f"`{each}`" for each in known)
    return Finding(
        RULE,
        file,
        place,
        f"`{group}`",
        f"a group of the pattern: {listed}" if known else "a named group in the pattern",
        f"Did you mean `{near[0]}`?" if near else f"Write (?P<{group}>...) in the pattern.",
    )


def missing_groups(source: Source) -> Iterator[tuple[str, str]]:
    """The place and the name of each group that the source reads and its pattern, which compiles, does not have."""
    known = re.compile(source.pattern).groupindex
    for place, group in _groups(source):
        if group not in known:
            yield f"/files/{place}", group


def _missing_of_batches(product: Product, source: Source) -> Iterator[tuple[str, str]]:
    """The same of the steps that load the files. `arrival` is no group: it stands for the moment at which a file was put."""
    known = (*re.compile(source.pattern).groupindex, ARRIVAL)
    for step in product.steps():
        for key in ("together", "order"):
            for number, group in enumerate(step.settings.get("batches", {}).get(key, ())):
                if group not in known:
                    yield f"{step.section}/batches/{key}/{number}", group


def _groups(source: Source) -> Iterator[tuple[str, str]]:
    if "group" in source.date:
        yield "date/group", source.date["group"]
    if source.cycle:
        yield "cycle/group", source.cycle["group"]
    for facet in source.complete.get("values", ()):
        yield f"complete/values/{facet}", facet
    if source.way == "parts":
        yield "complete/parts", "part"
        yield "complete/parts", "parts"
