"""The same job twice at the same moment."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Parallel, Product, Step, all_steps
from headgate.generator.steps import step_types

RULE = Rule(
    "HG402",
    "same work in parallel",
    "A Glue job runs once at a time (MaxConcurrentRuns is 1 by default): the second start is refused.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.pipeline:
            for item in product.pipeline.items:
                if isinstance(item, Parallel):
                    yield from _branches(mesh, product, item)


def _branches(mesh: Mesh, product: Product, parallel: Parallel) -> Iterator[Finding]:
    seen: dict[tuple[str, str], Step] = {}
    for branch in parallel.branches:
        in_branch = {}
        for step in all_steps(branch):
            kind = step_types()[step.type]
            exclusive = kind.note("exclusive")
            if exclusive is None:
                continue
            key = (step.type, str(step.settings[exclusive]))
            if key in seen:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    f"{step.section}/{exclusive}",
                    f'{kind.note("work")} "{key[1]}", which the step "{seen[key].name}" runs at the same time',
                    "different work in each branch",
                    "Run the two steps one after the other.",
                )
            in_branch[key] = step
        seen.update(in_branch)
