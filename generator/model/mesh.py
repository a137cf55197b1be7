"""All products and the dependencies between them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from headgate.generator.model.files import Bucket
from headgate.generator.model.product import Central, Domain, Product
from headgate.generator.model.published import Published
from headgate.generator.model.schedule import Calendar


@dataclass(frozen=True, eq=False)
class Mesh:
    """`broken` holds identities whose file exists but could not be read, and `mesh` for products/mesh.yaml.

    `broken_calendars` the same for calendars. Products in `partial` lack the parts that were wrong. `today` is the date on which
    the metadata is checked. `central` is None where no products/mesh.yaml says where the central bus is. `places`: where products
    are described that are folders or that Python yields, by identity. `shipped`: the files that ship with products, by the key of their object. `buckets` are
    those of each domain by their key; the buckets.yaml of the domains in `broken_buckets` could not be read. `published` are contracts of other repositories,
    by product.
    """

    root: Path
    products: dict[str, Product]
    domains: dict[str, Domain]
    calendars: dict[str, Calendar]
    today: date
    broken: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    broken_calendars: frozenset[str] = frozenset()
    central: Central | None = None
    places: Mapping[str, Path] = field(default_factory=dict)
    shipped: Mapping[str, Path] = field(default_factory=dict)
    buckets: Mapping[str, Mapping[str, Bucket]] = field(default_factory=dict)
    broken_buckets: frozenset[str] = frozenset()
    published: Mapping[str, Published] = field(default_factory=dict)

    def file(self, product: Product | str) -> Path:
        identity = product if isinstance(product, str) else product.id
        return self.places.get(identity) or self.root / f"{identity}.yaml"

    def folder(self, product: Product | str) -> Path:
        """Where the files are that the product names."""
        file = self.file(product)
        return file.parent if file.suffix == ".yaml" else file.parent.parent

    @cached_property
    def upstream(self) -> dict[str, tuple[str, ...]]:
        """For each product the products it names, each once, in the order of the metadata."""
        return {
            key: tuple(dict.fromkeys(leaf.product for leaf in each.dependencies()))
            for key, each in self.products.items()
        }

    @cached_property
    def names(self) -> frozenset[str]:
        """All products, and those that they name and that are refreshed elsewhere."""
        return frozenset({*self.products, *self.downstream})

    @cached_property
    def downstream(self) -> dict[str, tuple[str, ...]]:
        """For each product named anywhere, the products that name it, sorted."""
        found: dict[str, list[str]] = {}
        for key, names in self.upstream.items():
            for name in names:
                found.setdefault(name, []).append(key)
        return {name: tuple(sorted(keys)) for name, keys in found.items()}

    def reach(
        self, start: Iterable[str], edges: dict[str, tuple[str, ...]], steps: int | None = None
    ) -> frozenset[str]:
        """Everything that can be reached from `start` along `edges`, in at most so many steps, without `start` itself unless on a cycle."""
        seen: set[str] = set()
        last = set(start)
        while last and steps != 0:
            last = {target for key in last for target in edges.get(key, ())} - seen
            seen |= last
            steps = None if steps is None else steps - 1
        return frozenset(seen)

    def bucket_of(self, product: Product) -> Bucket | None:
        """The bucket in which its files land; None without files, and where the bucket is not known."""
        return self.buckets.get(product.domain, {}).get(product.files.bucket) if product.files else None

    def buckets_file(self, domain: str) -> Path:
        return self.root / domain / "buckets.yaml"

    def calendar_of(self, product: Product) -> Calendar | None:
        return self.calendars.get(product.schedule.calendar or "") if product.schedule else None

    def machines(self) -> Iterator[Product]:
        """The products that have a pipeline, and so a state machine, in order of identity."""
        return (self.products[key] for key in sorted(self.products) if self.products[key].pipeline)
