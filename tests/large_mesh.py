"""A mesh of the size of large real ones: many domains, a few of them large and most of them small."""

from collections.abc import Callable
from pathlib import Path

PRODUCTS, DOMAINS = 8_339, 768
DAILY = 'schedule: {frequency: daily, time: "06:00"}\n'


def sizes(products: int = PRODUCTS, domains: int = DOMAINS) -> list[int]:
    """How many products each domain has, the largest first: as 1, 1/2, 1/3 and so on, at least one each."""
    weight = (products - domains) / sum(1 / rank for rank in range(1, domains + 1))
    found = [1 + int(weight / rank) for rank in range(1, domains + 1)]
    found[0] += products - sum(found)
    return found


def lay_out(root: Path, products: int, domains: int, settings: Callable[[int], str]) -> None:
    """Writes the metadata into the folder `root`; each product waits for the one before it in its domain. `settings` gives the YAML of a
    domain by its number."""
    for number, size in enumerate(sizes(products, domains)):
        name = f"domain-{number:03}"
        (root / name).mkdir(parents=True)
        (root / name / "domain.yaml").write_text("owner: data-platform\n" + settings(number))
        for index in range(size):
            waits = f"depends_on: {{all_of: [{name}/p{index - 1:04}]}}\n" if index else DAILY
            (root / name / f"p{index:04}.yaml").write_text(
                f"description: x\n{waits}pipeline: {{steps: [{{name: build, glue: {{job: {name}-p{index:04}}}}}]}}\n"
            )
