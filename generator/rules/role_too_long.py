"""A pipeline with more different work than one role can name."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import DEFINITION, all_steps
from headgate.generator.plan.grants import MAX_POLICY, policy_size, statements
from headgate.generator.plan.machine import plan_machine
from headgate.generator.plan.outline import outline

RULE = Rule(
    "HG408",
    "more work than a role can name",
    "The machine's role names every job it starts, and IAM takes 10,240 characters in the policies of a role "
    "(docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).",
)
FEW = 20  # steps; fewer fit, however long their names are


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.machines():
        work = sum(1 for _ in all_steps(product.pipeline.items)) if product.pipeline else 0
        defined = any(step.pointer == DEFINITION for step in product.steps())
        if work <= FEW and not defined:
            continue
        size = policy_size(statements(plan_machine(outline(product)).calls()))
        if size > MAX_POLICY:
            yield Finding(
                RULE,
                mesh.file(product),
                DEFINITION if defined else "/pipeline/steps",
                f"{'states' if defined else f'{work} steps'}, whose role would be {size:,} characters long",
                f"at most {MAX_POLICY:,}",
                "Make two products of it, the second waiting for the first; or let steps share a job and differ in its arguments.",
            )
