"""A placeholder nobody fills in."""

import difflib
import re
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, pointer
from headgate.generator.model.arguments import texts
from headgate.generator.model.mesh import Mesh
from headgate.generator.steps import step_types

RULE = Rule("HG406", "unknown placeholder", "It would reach the job as it stands, braces and all.", partial=True)
PLACEHOLDERS = ("business_date", "product", "domain", "run_id", "attempt", "cycle")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for step in product.steps():
            section = step_types()[step.type].arguments
            for path, value in texts(step.settings.get(section, {})):
                for name in _PLACEHOLDER.findall(value):
                    if name not in PLACEHOLDERS:
                        near = difflib.get_close_matches(name.lower(), PLACEHOLDERS, n=1)
                        yield Finding(
                            RULE,
                            mesh.file(product),
                            f"{step.pointer}/{step.type}/{section}{pointer(*path)}",
                            f"{{{name}}}",
                            " ".join(f"{{{each}}}" for each in PLACEHOLDERS),
                            f"Did you mean {{{near[0]}}}?" if near else "",
                        )
