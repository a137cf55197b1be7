"""The central bus's rules: which events go to which domain bus, within EventBridge's quotas.

Quotas: docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html. An event is forwarded one hop only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from headgate.generator.model.accounts import Home

MAX_RULES = 300  # a bus
MAX_TARGETS = 5  # a rule
MAX_PATTERN = 2_048  # characters
MAX_POLICY = 10_240  # characters of a bus's policy
FRAME, ENTRY = (
    600,
    len('"arn:aws-us-gov:iam::123456789012:root",'),
)  # of that policy, and of each account it names, at most
ROLE_TARGETS = 40  # buses a role's inline policy names: far below 10,240 characters
DETAIL_TYPES = (
    "Data Product Started",
    "Data Product Refreshed",
    "Data Product Failed",
    "Data Product Skipped",
    "Data Product Cancelled",
    "Data Product Reopened",
)


@dataclass(frozen=True, slots=True)
class ForwardRule:
    """Events of `domains` that `accounts` have published (none named: any has) go to the buses of `targets`, each with the number of the
    role that may put them there."""

    name: str
    domains: tuple[str, ...]
    accounts: tuple[str, ...]
    targets: tuple[tuple[Home, int], ...]

    @property
    def accounts_reached(self) -> list[str]:
        return sorted({home.account for home, _ in self.targets})


@dataclass(frozen=True, slots=True)
class Forwarding:
    """The rules, and the homes each role reaches (roles count from 1)."""

    rules: tuple[ForwardRule, ...]
    roles: tuple[tuple[Home, ...], ...]

    @property
    def resources(self) -> int:
        """Of the central account's template: rules, roles, and the policies of the bus."""
        return len(self.rules) + len(self.roles) + 2


def forwarding(subscribed: Mapping[Home, frozenset[str]], publishers: Mapping[str, frozenset[str]]) -> Forwarding:
    """Homes that receive the events of the same domains share rules. `publishers` has the accounts that publish the events of a domain, where they are known.
    A rule names the accounts of its domains, and not each pair of them: the account that receives an event checks the owner."""
    homes = sorted(subscribed)
    role_of = {home: 1 + index // ROLE_TARGETS for index, home in enumerate(homes)}
    alike: dict[frozenset[str], list[Home]] = {}
    for home in homes:
        alike.setdefault(subscribed[home], []).append(home)
    rules = []
    for domains, members in sorted(alike.items(), key=lambda each: each[1]):
        for start in range(0, len(members), MAX_TARGETS):
            targets = tuple((home, role_of[home]) for home in members[start : start + MAX_TARGETS])
            first = targets[0][0]
            for number, part in enumerate(_parts(domains, publishers), start=1):
                name = (
                    f"to-{first.account}"
                    + (f"-{first.region}" if first.region else "")
                    + (f"-{number}" if number > 1 else "")
                )
                rules.append(ForwardRule(name, part, _accounts(part, publishers), targets))
    roles = [tuple(homes[start : start + ROLE_TARGETS]) for start in range(0, len(homes), ROLE_TARGETS)]
    return Forwarding(tuple(rules), tuple(roles))


def most_accounts() -> int:
    """How many accounts the policy of a bus can name; for more it has to name their organization."""
    return (MAX_POLICY - FRAME) // ENTRY


def pattern(domains: Sequence[str], accounts: Sequence[str]) -> dict[str, object]:
    """The event pattern of refreshes of these domains by these accounts."""
    found: dict[str, object] = {
        "source": ["headgate"],
        "detail-type": list(DETAIL_TYPES),
        "detail": {"domain": list(domains)},
    }
    return {**found, "account": list(accounts)} if accounts else found


def _parts(domains: Iterable[str], publishers: Mapping[str, frozenset[str]]) -> list[tuple[str, ...]]:
    """The domains by patterns that hold them: those of known publishers, by account, apart from those that any account may publish."""
    parts: list[list[str]] = []
    for each in sorted(domains, key=lambda each: (each not in publishers, sorted(publishers.get(each, ())), each)):
        grown = [*parts[-1], each] if parts and (parts[-1][0] in publishers) == (each in publishers) else []
        if grown and len(orjson.dumps(pattern(grown, _accounts(grown, publishers)))) <= MAX_PATTERN:
            parts[-1] = grown
        else:
            parts.append([each])
    return [tuple(sorted(each)) for each in parts]


def _accounts(domains: Iterable[str], publishers: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    return tuple(sorted(frozenset().union(*(publishers.get(each, frozenset()) for each in domains))))
