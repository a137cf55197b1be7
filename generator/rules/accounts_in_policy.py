"""More accounts than the policy of the central bus can name."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.accounts import producers
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan.forwarding import MAX_POLICY, most_accounts

RULE = Rule(
    "HG605",
    "more accounts than a bus's policy can name",
    f"EventBridge takes {MAX_POLICY:,} characters in the policy of a bus "
    "(docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html); the central stack needs `OrganizationId`.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    count = len(producers(mesh))
    if count > most_accounts():
        yield Finding(
            RULE,
            mesh.root,
            "",
            f"{count} accounts that put events on the central bus",
            f"at most {most_accounts()} by name, any number of one organization",
            "Deploy the central account with OrganizationId=o-...; without it CloudFormation refuses the stack.",
        )
