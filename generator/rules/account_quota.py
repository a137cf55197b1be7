"""More machines in an account than IAM roles are allowed."""

from collections import Counter
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan.deployment import MOST_ROLES, ROLES

RULE = Rule(
    "HG602",
    "more machines than IAM roles",
    "Every machine has a role of its own; an account has 1,000 by default and 5,000 at most "
    "(docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    machines: Counter[str | None] = Counter()
    for product in mesh.machines():
        domain = mesh.domains.get(product.domain)
        machines[domain.account if domain else None] += 1
    for account, count in sorted(machines.items(), key=str):
        if count > ROLES:
            yield Finding(
                RULE,
                mesh.root,
                "",
                f"{count:,} machines in {f'account {account}' if account else 'one account'}",
                f"{ROLES:,} roles an account, {MOST_ROLES:,} after an increase",
                "Give some domains an account of their own."
                if count > MOST_ROLES
                else "Ask for the increase of IAM's `Roles per account`, or give some domains an account of their own.",
            )
