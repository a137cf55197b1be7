"""What is promised of a product's content and time, what its consumers need of it, and where each stands.

Promises are those of the mesh's own products, and of contracts of other repositories that lie in products/contracts. Both hold needs as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency, Needs, Product
from headgate.generator.model.published import Published, WrittenNeed


@dataclass(frozen=True)
class Promise:
    """Of one product. `product` is None where it is of another repository, `complete_by` where no time of day is promised."""

    name: str
    owner: str
    file: Path
    version: str | None
    columns: tuple[str, ...]
    complete_by: str | None
    timezone: str | None
    product: Product | None = None


@dataclass(frozen=True)
class Need:
    """What stands at `pointer` of the file, of a consumer. `product` and `leaf` are None where it is of another repository."""

    file: Path
    pointer: str
    needs: Needs
    promise: Promise
    product: Product | None = None
    leaf: Dependency | None = None


def needs(mesh: Mesh) -> Iterator[Need]:
    """Every need of which the promise is known."""
    for product in mesh.products.values():
        for leaf in product.dependencies():
            promise = _promise(mesh, leaf.product) if leaf.needs else None
            if leaf.needs and promise:
                yield Need(mesh.file(product), f"{leaf.pointer}/needs", leaf.needs, promise, product, leaf)
    for contract in mesh.published.values():
        for each in contract.needs if contract.identity not in mesh.products else ():
            promise = _promise(mesh, each.product) if each.product in mesh.products else None
            if promise:
                yield _written(contract, each, promise)


def _written(contract: Published, need: WrittenNeed, promise: Promise) -> Need:
    return Need(contract.file, need.pointer, need.needs, promise)


def _promise(mesh: Mesh, name: str) -> Promise | None:
    """None where nothing is known of the product, or not all of it."""
    product, contract = mesh.products.get(name), mesh.published.get(name)
    if product and name not in mesh.partial:
        version = product.contract.version if product.contract else None
        by = product.sla.complete_by if product.sla else None
        zone = product.sla_timezone
        return Promise(name, product.owner, mesh.file(product), version, columns_of(product), by, zone, product)
    if product or contract is None:
        return None
    return Promise(
        name, contract.owner, contract.file, contract.version, contract.columns, contract.complete_by, contract.timezone
    )


def columns_of(product: Product) -> tuple[str, ...]:
    """The columns that the product is known to have; empty where nothing says it."""
    if product.contract and product.contract.columns:
        return tuple(name for name, _ in product.contract.columns)
    for step in product.steps():
        expected: Any = step.settings.get("batches", {}).get("columns", {}).get("expected")
        if expected:
            return tuple(expected)
    return ()


def satisfies(version: str, needed: str) -> bool:
    """Whether the version is `needed` (`^2.1`) or a later one with the same first number."""
    have, least = (tuple(map(int, text.removeprefix("^").split("."))) for text in (version, needed))
    return have[0] == least[0] and have >= least
