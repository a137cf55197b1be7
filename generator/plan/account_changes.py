"""What differs between two catalogs for the accounts of a mesh."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.model.accounts import Home, named, subscribed
from headgate.generator.plan.changes import dependencies_of

Entry = dict[str, Any]


def compare_accounts(old: Entry, new: Entry) -> list[str]:
    """What changes in which account of a mesh: what is deployed there, and what the central account forwards to it."""
    before, after = subscriptions_of(old), subscriptions_of(new)
    found = list(_central(old, new))
    for home in sorted(before.keys() | after.keys()):
        where = named(home)
        if home not in before:
            found.append(
                f"{where} is new: deploy it there as `domain`; the central account forwards {_listed(after[home])} to it"
            )
        elif home not in after:
            found.append(f"{where} no longer has pipelines; the central account stops forwarding to it")
        else:
            more, less = after[home] - before[home], before[home] - after[home]
            changes = [f"also forwards {_listed(more)}"] if more else []
            changes += [f"stops forwarding {_listed(less)}"] if less else []
            if changes:
                found.append(f"{where}: the central account {' and '.join(changes)} to it")
    return found


def _central(old: Entry, new: Entry) -> Iterator[str]:
    was, now = (Home(**each["central"]) if each.get("central") else None for each in (old, new))
    if was and now and was != now:
        yield (
            f"the central bus moves from {named(was)} to {named(now)}: deploy it there as `central`, then every account of the mesh with its ARN; "
            "producers put their events on it"
        )


def homes(catalog: Entry) -> dict[str, Home]:
    """Where each domain runs that names its account."""
    domains = catalog.get("domains", {})
    return {
        name: Home(each["account"], each.get("region") or "") for name, each in domains.items() if each.get("account")
    }


def subscriptions_of(catalog: Entry) -> dict[Home, frozenset[str]]:
    """For every home with pipelines the domains whose refresh events it receives."""
    machines = {key: each for key, each in catalog.get("products", {}).items() if "machine" in each}
    needs = (
        (key.split("/")[0], leaf["product"])
        for key, each in machines.items()
        for leaf in dependencies_of(each.get("depends_on"))
    )
    return subscribed(homes(catalog), (key.split("/")[0] for key in machines), needs)


def _listed(domains: frozenset[str]) -> str:
    return ", ".join(sorted(domains))
