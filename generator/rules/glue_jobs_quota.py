"""More Glue jobs in an account than Glue allows."""

from collections import Counter
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan.names import is_deployed

RULE = Rule(
    "HG610",
    "more Glue jobs than the account allows",
    "An account has 1,000 jobs in a region by default (docs.aws.amazon.com/general/latest/gr/glue.html); CloudFormation would refuse the stack.",
    Severity.WARNING,
)
JOBS = 1_000


def check(mesh: Mesh) -> Iterator[Finding]:
    jobs: Counter[str | None] = Counter()
    for product in mesh.machines():
        domain = mesh.domains.get(product.domain)
        shipped = sum(each.type == "glue" and is_deployed(each) for each in product.steps())
        jobs[domain.account if domain else None] += shipped
    for account, count in sorted(jobs.items(), key=str):
        if count > JOBS:
            yield Finding(
                RULE,
                mesh.root,
                "",
                f"{count:,} jobs that are deployed with products in {f'account {account}' if account else 'one account'}",
                f"{JOBS:,} jobs an account",
                "Ask for the increase of Glue's `Max jobs per account`, or give some domains an account of their own.",
            )
