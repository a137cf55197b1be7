"""Two products that run the very same thing."""

from collections.abc import Iterator

import orjson

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.arguments import texts
from headgate.generator.model.mesh import Mesh
from headgate.generator.steps import step_types

RULE = Rule(
    "HG403",
    "two products run the same job with the same arguments",
    "Most often a copied file in which the job's name was not changed. Work that runs once at a time also waits for the other's.",
    Severity.WARNING,
)
APART = ("{product}", "{domain}", "{run_id}")  # what tells the work of two products apart


def check(mesh: Mesh) -> Iterator[Finding]:
    seen: dict[tuple[str, str, bytes], str] = {}
    for key in sorted(mesh.products):
        for step in mesh.products[key].steps():
            kind = step_types()[step.type]
            resource, arguments = kind.resource, kind.given(step.settings)
            if any(placeholder in text for _, text in texts(arguments) for placeholder in APART):
                continue
            work = (step.type, str(step.settings[resource]), orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS))
            first = seen.setdefault(work, key)
            if first != key:
                yield Finding(
                    RULE,
                    mesh.file(key),
                    f"{step.section}/{resource}",
                    f'{kind.note("work")} "{work[1]}", as in {first}',
                    "a job of its own, or arguments that tell the products apart",
                )
