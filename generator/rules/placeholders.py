"""A placeholder nobody fills in."""

import difflib
import re
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, pointer
from headgate.generator.model.arguments import texts
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Product
from headgate.generator.steps import step_types

RULE = Rule(
    "HG406",
    "unknown placeholder",
    "It would reach the job as it stands, braces and all; of an upstream it would fail the run.",
    partial=True,
)
PLACEHOLDERS = ("business_date", "product", "domain", "run_id", "attempt", "cycle")
UPSTREAM = re.compile(r"\{upstream\.([a-z0-9/-]+)\.([A-Za-z_][A-Za-z0-9_]*)\}")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*|upstream\.[^{}]*)\}")


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for step in product.steps():
            for path, value in texts(step_types()[step.type].given(step.settings)):
                for name in _PLACEHOLDER.findall(value):
                    problem = _of_upstream(name, product) if name.startswith("upstream.") else _plain(name)
                    if problem:
                        place = f"{step.section}{pointer(*path)}"
                        yield Finding(RULE, mesh.file(product), place, f"{{{name}}}", *problem)


def _plain(name: str) -> tuple[str, str] | None:
    """What was expected, and a hint; None if the placeholder is one."""
    if name in PLACEHOLDERS:
        return None
    near = difflib.get_close_matches(name.lower(), PLACEHOLDERS, n=1)
    return " ".join(f"{{{each}}}" for each in PLACEHOLDERS), f"Did you mean {{{near[0]}}}?" if near else ""


def _of_upstream(name: str, product: Product) -> tuple[str, str] | None:
    found = UPSTREAM.fullmatch(f"{{{name}}}")
    if found is None:
        return (
            "{upstream.<product>.<key>}",
            "The key is a word such as row_count; the product is a dependency, with or without its domain.",
        )
    upstreams = sorted({leaf.product for leaf in product.dependencies()})
    meant = [each for each in upstreams if found[1] in (each, each.split("/")[1])]
    if len(meant) == 1:
        return None
    if meant:
        return " or ".join(
            f"{{upstream.{each}.{found[2]}}}" for each in meant
        ), "Several dependencies have this name; write the domain."
    near = difflib.get_close_matches(found[1], [*upstreams, *(each.split("/")[1] for each in upstreams)], n=1)
    expected = f"one of its dependencies: {', '.join(upstreams)}" if upstreams else "a product with dependencies"
    return expected, f"Did you mean {{upstream.{near[0]}.{found[2]}}}?" if near else ""
