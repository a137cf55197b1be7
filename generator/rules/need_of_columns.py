"""A column that a consumer needs and its upstream does not promise."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.contracts import needs
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG731",
    "a consumer needs a column that is not promised",
    "What the consumer reads is gone with the next deployment of the producer, and nobody has noticed.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for each in needs(mesh):
        known = each.promise.columns
        for index, name in enumerate(each.needs.columns):
            if name not in known:
                promised = f"it promises {', '.join(known)}" if known else "it promises no columns"
                yield Finding(
                    RULE,
                    each.file,
                    f"{each.pointer}/columns/{index}",
                    f'"{name}" of {each.promise.name} ({each.promise.file}); {promised}',
                    "a column of its contract",
                    f"Let {each.promise.owner} keep the column in `contract.columns`, or read another one.",
                )
