"""A dependency on one of several sweeps of a date."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.cron import CronError, parse
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency, Product

RULE = Rule(
    "HG719",
    "dependency on a sweep that may find no files",
    "An opening without files publishes nothing, so the run would wait for it until its deadline.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.machines():
        for leaf in product.dependencies():
            upstream = mesh.products.get(leaf.product)
            if upstream and _sweeps_often(upstream) and _needs_each(leaf):
                yield Finding(
                    RULE,
                    mesh.file(product),
                    leaf.pointer,
                    f'the cycle `{leaf.cycle}` of "{leaf.product}", which sweeps several times a day',
                    "`cycle: any`, which the first opening with files meets, or `max_age`",
                )


def _sweeps_often(product: Product) -> bool:
    if product.files is None or not product.files.sweep or product.schedule is None:
        return False
    try:
        return len(parse(product.schedule.cron).times) > 1
    except CronError:
        return False  # another rule reports it


def _needs_each(leaf: Dependency) -> bool:
    return leaf.max_age is None and leaf.cycle != "any"
