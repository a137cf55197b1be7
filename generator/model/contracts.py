"""What a product promises of its content: by its contract, or by the columns that its files are expected to have."""

from headgate.generator.model.product import Product


def columns_of(product: Product) -> tuple[str, ...]:
    """The columns that the product is known to have; empty where nothing says it."""
    if product.contract and product.contract.columns:
        return tuple(name for name, _ in product.contract.columns)
    for step in product.steps():
        expected = step.settings.get("batches", {}).get("columns", {}).get("expected")
        if expected:
            return tuple(expected)
    return ()


def satisfies(version: str, needed: str) -> bool:
    """Whether the version is `needed` (`^2.1`) or a later one with the same first number."""
    have, least = (tuple(map(int, text.removeprefix("^").split("."))) for text in (version, needed))
    return have[0] == least[0] and have >= least
