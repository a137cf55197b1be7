"""More machines in an account than IAM roles are allowed."""

from collections import Counter
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG602",
    "more machines than IAM roles",
    "Every machine has a role of its own; an account has 1,000 by default and 5,000 at most "
    "(docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).",
    Severity.WARNING,
)
DEFAULT, MOST = 1_000, 5_000


def check(mesh: Mesh) -> Iterator[Finding]:
    machines: Counter[str | None] = Counter()
    for product in mesh.machines():
        domain = mesh.domains.get(product.domain)
        machines[domain.account if domain else None] += 1
    for account, count in sorted(machines.items(), key=str):
        if count > DEFAULT:
            yield Finding(
                RULE,
                mesh.root,
                "",
                f"{count:,} machines in {f'account {account}' if account else 'one account'}",
                f"{DEFAULT:,} roles an account, {MOST:,} after an increase",
                "Ask for the increase of IAM's `Roles per account`, or give some domains an account of their own.",
            )
