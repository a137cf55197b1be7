"""Two products that would both take a file."""

from collections.abc import Iterator
from itertools import combinations

from headgate.generator.file_names import filled_in, named
from headgate.generator.findings import Finding, Rule
from headgate.generator.model.files import Source
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.name_samples import samples
from headgate.generator.model.product import Product
from headgate.generator.rules.file_date import EXAMPLE, readable_date
from headgate.generator.rules.file_groups import missing_groups
from headgate.generator.rules.file_pattern import usable
from headgate.generator.rules.file_set import EXAMPLE_CYCLES

RULE = Rule("HG705", "file name of two products", "A file belongs to one product; which of them would be chance.")


def check(mesh: Mesh) -> Iterator[Finding]:
    """Sources are compared by names that they match: two that share none of the examples are taken for different."""
    sharing: dict[str, list[tuple[Product, Source]]] = {}
    for key in sorted(mesh.products):
        product = mesh.products[key]
        bucket, source = mesh.bucket_of(product), product.files
        if bucket and source and usable(source.pattern) and not any(True for _ in missing_groups(source)):
            sharing.setdefault(bucket.name, []).append((product, source))
    for sources in sharing.values():
        examples = {product.id: list(_examples(source)) for product, source in sources}
        for (first, one), (second, other) in combinations(sources, 2):
            if not (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)):
                continue
            shared = [each for each in examples[first.id] if named(other.naming(), each)]
            shared += [each for each in examples[second.id] if named(one.naming(), each)]
            if shared:
                yield Finding(
                    RULE, mesh.file(second), "/files/pattern", f'"{shared[0]}" is a file of "{first.id}" as well',
                    "names that no other source of the bucket matches", "Give one of them a prefix or a pattern of its own.",
                )  # fmt: skip


def _examples(source: Source) -> Iterator[str]:
    groups = {source.date["group"]: EXAMPLE.strftime(source.date["format"])} if "group" in source.date else {}
    facets = [{name: value} for name, values in source.complete.get("values", {}).items() for value in values]
    for facet in facets[:20] or [{}]:
        yield from (source.prefix + name for name in samples(source.pattern, groups | facet))
    if readable_date(source):
        for template in source.templates().values():
            for cycle in EXAMPLE_CYCLES:
                yield source.prefix + filled_in(template, source.naming(), EXAMPLE.isoformat(), cycle)
