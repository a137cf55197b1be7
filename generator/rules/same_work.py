"""Two products that run the very same thing."""

from collections.abc import Iterator

import orjson

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh
from headgate.generator.steps import step_types

RULE = Rule(
    "HG403",
    "two products run the same job with the same arguments",
    "Most often a copied file in which the job's name was forgotten; the two also wait for each other's job to end.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    seen: dict[tuple[str, str, bytes], str] = {}
    for key in sorted(mesh.products):
        for step in mesh.products[key].steps():
            kind = step_types()[step.type]
            resource = kind.note("resource")
            arguments = step.settings.get(kind.note("arguments"), {})
            if any("{product}" in value or "{domain}" in value or "{run_id}" in value for value in arguments.values()):
                continue
            work = (step.type, str(step.settings[resource]), orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS))
            first = seen.setdefault(work, key)
            if first != key:
                yield Finding(
                    RULE,
                    mesh.file(key),
                    f"{step.pointer}/{step.type}/{resource}",
                    f'{kind.note("work")} "{work[1]}", as in {first}',
                    "a job of its own, or arguments that tell the products apart",
                )
