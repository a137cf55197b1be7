"""Products stay in their nested template, and templates within the quotas."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st

from headgate.generator.plan.layout import (
    MAX_BYTES,
    MAX_PARAMETERS,
    MAX_RESOURCES,
    RESOURCES_A_PRODUCT,
    SHARE,
    SHARED_RESOURCES,
    assign,
)
from headgate.generator.plan.resources import PARAMETERS
from tests.conftest import Headgate

names = st.text("abcdef", min_size=1, max_size=3)
meshes = st.dictionaries(names, st.integers(1_000, 400_000), max_size=40)


@given(first=meshes, second=meshes)
def test_a_product_that_stays_is_not_moved_and_no_template_is_too_large(
    first: dict[str, int], second: dict[str, int]
) -> None:
    before = assign(first, {})
    kept = {name: first.get(name, size) for name, size in second.items()}

    after = assign(kept, before)

    assert all(after[name] == before[name] for name in kept if name in before)
    assert after.keys() == kept.keys()
    sizes: Counter[int] = Counter()
    for name, number in after.items():
        sizes[number] += kept[name]
    assert all(size <= MAX_BYTES for size in sizes.values())


def test_a_large_domain_is_split_and_one_more_product_touches_one_template(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    product = 'description: x\nschedule: {{frequency: daily, time: "06:00"}}\npipeline:\n  steps:\n    - {{name: a, glue: {{job: j{0}}}}}\n'
    text = "--- big/domain.yaml\nowner: x\n" + "".join(
        f"--- big/p{n:03}.yaml\n{product.format(n)}" for n in range(1, 461)
    )
    root = project(text)

    assert headgate("generate")[0] == 0
    templates = sorted((root / "statemachines/big").glob("template*.json"))
    counts = [len(orjson.loads(path.read_bytes())["Resources"]) for path in templates]
    (root / "products/big/p000.yaml").write_text(product.format(0))
    (root / "products/big/p100.yaml").unlink()
    code, printed = headgate("generate")

    assert [path.name for path in templates] == ["template-2.json", "template-3.json", "template.json"]
    assert max(counts) <= MAX_RESOURCES * SHARE
    assert sum(counts) == 460 * RESOURCES_A_PRODUCT + 3 * SHARED_RESOURCES, "a machine and its role; no alarm a machine"
    assert code == 0
    # catalog, layout and the first template, which lost one product and had room for the new one
    assert "1 created, 3 changed, 1 removed" in printed
    assert headgate("generate", "--check")[0] == 0


def test_no_template_can_have_too_many_parameters() -> None:
    """They do not grow with the products, so nothing is ever split for them."""
    assert len(PARAMETERS) <= MAX_PARAMETERS * SHARE
