"""The accounts of a mesh, and the domains whose events each of them receives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headgate.generator.model.mesh import Mesh


@dataclass(frozen=True, slots=True, order=True)
class Home:
    """Where domains run: an account and a region; an empty region is the central account's."""

    account: str
    region: str


def named(home: Home) -> str:
    return f"account {home.account}" + (f" ({home.region})" if home.region else "")


def home_of(mesh: Mesh, domain: str) -> Home | None:
    """None for a domain that names no account: it runs wherever it is deployed."""
    found = mesh.domains.get(domain)
    return Home(found.account, found.region or "") if found and found.account else None


def regions_named(mesh: Mesh) -> list[str]:
    """The regions of the domains that name an account, sorted."""
    return sorted({each.region for each in mesh.domains.values() if each.account and each.region})


def publishes_elsewhere(mesh: Mesh, domain: str) -> bool:
    """Whether the central bus is in another region than the domain, or may be: where nothing says in which of several regions it is."""
    region = mesh.domains[domain].region if domain in mesh.domains else None
    if mesh.central:
        return region is not None and region != mesh.central.region
    return len(regions_named(mesh)) > 1


def subscriptions(mesh: Mesh) -> dict[Home, frozenset[str]]:
    """For every home with pipelines the domains whose refresh events it receives."""
    homes = {name: home for name in mesh.domains if (home := home_of(mesh, name))}
    needs = ((each.domain, leaf.product) for each in mesh.machines() for leaf in each.dependencies())
    return subscribed(homes, (each.domain for each in mesh.machines()), needs)


def subscribed(
    homes: Mapping[str, Home], running: Iterable[str], needs: Iterable[tuple[str, str]]
) -> dict[Home, frozenset[str]]:
    """`running` are domains with pipelines, `needs` pairs of such a domain and a product it waits for. A home receives the
    events of the domains its products wait for, and of its own, which confirms that a machine's event was published."""
    found: dict[Home, set[str]] = {}
    for domain in running:
        if domain in homes:
            found.setdefault(homes[domain], set()).add(domain)
    for domain, product in needs:
        if domain in homes:
            found[homes[domain]].add(product.split("/")[0])
    return {home: frozenset(domains) for home, domains in sorted(found.items())}


def publishers(mesh: Mesh) -> dict[str, frozenset[str]]:
    """The accounts that publish the events of each domain: the domain's own, and those that dependencies name. A domain without one may be
    published by any."""
    found = {name: {each.account} for name, each in mesh.domains.items() if each.account}
    for product in mesh.products.values():
        for leaf in product.dependencies():
            if leaf.account:
                found.setdefault(leaf.product.split("/")[0], set()).add(leaf.account)
    return {name: frozenset(accounts) for name, accounts in found.items()}


def producers(mesh: Mesh) -> list[str]:
    """The accounts that put events on the central bus."""
    return sorted(frozenset().union(*publishers(mesh).values()))
