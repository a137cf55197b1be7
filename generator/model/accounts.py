"""Which accounts a mesh lives in, and of which domains each has to hear."""

from dataclasses import dataclass

from generator.model.mesh import Mesh


@dataclass(frozen=True, slots=True, order=True)
class Home:
    """Where domains run: an account and a region; an empty region is the central account's."""

    account: str
    region: str


def home_of(mesh: Mesh, domain: str) -> Home | None:
    """None for a domain that names no account: it runs wherever it is deployed."""
    found = mesh.domains.get(domain)
    return Home(found.account, found.region or "") if found and found.account else None


def subscriptions(mesh: Mesh) -> dict[Home, frozenset[str]]:
    """For every home with pipelines the domains whose refreshes it is told of: those its products wait for, and its own, so that
    a machine's event is seen to have been published."""
    found: dict[Home, set[str]] = {}
    for product in mesh.machines():
        home = home_of(mesh, product.domain)
        if home is not None:
            found.setdefault(home, set()).add(product.domain)
            found[home].update(leaf.product.split("/")[0] for leaf in product.dependencies())
    return {home: frozenset(domains) for home, domains in sorted(found.items())}


def producers(mesh: Mesh) -> list[str]:
    """The accounts that put events on the central bus: those of domains, and those that dependencies name."""
    accounts = {each.account for each in mesh.domains.values() if each.account}
    accounts |= {leaf.account for product in mesh.products.values() for leaf in product.dependencies() if leaf.account}
    return sorted(accounts)
