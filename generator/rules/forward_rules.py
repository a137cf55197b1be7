"""More forward rules than the central bus may have."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.accounts import publishers, subscriptions
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan.forwarding import MAX_RULES, MAX_TARGETS, forwarding

RULE = Rule(
    "HG603",
    "more forward rules than a bus may have",
    "EventBridge takes 300 rules a bus and 5 targets a rule, fixed "
    "(docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html); the central stack would be refused.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    needed = len(forwarding(subscriptions(mesh), publishers(mesh)).rules)
    if needed > MAX_RULES:
        yield Finding(
            RULE,
            mesh.root,
            "",
            f"{needed:,} rules for the accounts that the domains name",
            f"at most {MAX_RULES} rules; accounts that receive the same domains share one, {MAX_TARGETS} at a time",
            "Put domains that belong together into one account, or cut the mesh into two with a central account each.",
        )
