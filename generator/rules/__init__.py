"""Whole-mesh rules, one file each: a module-level `RULE` and `check(mesh)`, which yields findings without line numbers.

A new rule is a new file here, a case under tests/golden/findings, and nothing else.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

Check = Callable[[Mesh], Iterator[Finding]]


@cache
def mesh_rules() -> tuple[tuple[Rule, Check], ...]:
    """Every rule with its check, by id."""
    modules = [importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)]
    return tuple(sorted(((each.RULE, each.check) for each in modules), key=lambda pair: pair[0].id))


def check_mesh(mesh: Mesh) -> list[Finding]:
    """Everything the rules find. For products of which only a part could be read, only what follows from that part."""
    half_known = {mesh.file(key) for key in mesh.partial}
    return [
        finding
        for rule, check in mesh_rules()
        for finding in check(mesh)
        if rule.partial or finding.file not in half_known
    ]
