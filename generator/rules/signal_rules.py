"""More rules for signals than an account can have."""

from collections import Counter
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.accounts import named
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan.signals import MAX_RULES, signals

RULE = Rule(
    "HG743",
    "more rules for signals than a bus may have",
    "EventBridge takes 300 rules a bus (docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html), which the default bus shares with others; names are joined in a "
    "rule as far as its pattern of 2,048 characters holds them. The stack would be refused.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    needed = Counter((each.home, each.on_domain_bus) for each in signals(mesh).rules)
    for (home, _), count in sorted(needed.items(), key=repr):
        if count > MAX_RULES:
            where = named(home) if home else "each account"
            yield Finding(
                RULE, mesh.root, "", f"{count:,} rules for the signals of {where}", f"at most {MAX_RULES} rules",
                "Use shorter names, or give some domains an account of their own.",
            )  # fmt: skip
