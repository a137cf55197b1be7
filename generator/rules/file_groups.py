"""A group that the pattern of file names does not have."""

import difflib
import re
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.files import Source
from headgate.generator.model.mesh import Mesh
from headgate.generator.rules.file_pattern import usable

RULE = Rule(
    "HG702",
    "group that the pattern does not have",
    "What is read from the name of a file is the text of a named group.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.files is None or not usable(product.files.pattern):
            continue
        known = list(re.compile(product.files.pattern).groupindex)
        for place, group in missing_groups(product.files):
            near = difflib.get_close_matches(group, known, n=1)
            listed = ", ".join(f"`{each}`" for each in known)
            yield Finding(
                RULE,
                mesh.file(product),
                f"/files/{place}",
                f"`{group}`",
                f"a group of the pattern: {listed}" if known else "a named group in the pattern",
                f"Did you mean `{near[0]}`?" if near else f"Write (?P<{group}>...) in the pattern.",
            )


def missing_groups(source: Source) -> Iterator[tuple[str, str]]:
    """The place and the name of each group that the source reads and its pattern, which compiles, does not have."""
    known = re.compile(source.pattern).groupindex
    for place, group in _groups(source):
        if group not in known:
            yield place, group


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
