"""More machines in an account than IAM roles are allowed, with the roles of jobs that are deployed with products."""

from collections import Counter
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan.deployment import MOST_ROLES, ROLES
from headgate.generator.plan.names import is_deployed

RULE = Rule(
    "HG602",
    "more machines than IAM roles",
    "Every machine has a role of its own; an account has 1,000 by default and 5,000 at most "
    "(docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    machines: Counter[str | None] = Counter()
    jobs: Counter[str | None] = Counter()
    for product in mesh.machines():
        domain = mesh.domains.get(product.domain)
        account = domain.account if domain else None
        machines[account] += 1
        jobs[account] += sum(is_deployed(each) and "role" not in each.settings for each in product.work())
    for account, count in sorted(machines.items(), key=str):
        roles = count + jobs[account]
        with_roles = f" and {jobs[account]:,} jobs with roles of their own" if jobs[account] else ""
        if roles > ROLES:
            yield Finding(
                RULE,
                mesh.root,
                "",
                f"{count:,} machines{with_roles} in {f'account {account}' if account else 'one account'}",
                f"{ROLES:,} roles an account, {MOST_ROLES:,} after an increase",
                "Give some domains an account of their own."
                if roles > MOST_ROLES
                else "Ask for the increase of IAM's `Roles per account`, or give some domains an account of their own.",
            )
