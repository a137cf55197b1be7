"""Random meshes for properties of the state: a few products over two external ones, with nested conditions on every status."""

from typing import Any

from hypothesis import strategies as st

from tests.state_oracle import Condition
from tests.state_world import external, leaf, product

EXTERNALS = ["raw/a", "raw/b"]
PRODUCTS = ["d/p0", "d/p1", "d/p2", "d/p3"]

TIMES = ["05:00", "06:00", "06:00", "09:00"]


def conditions(names: list[str]) -> st.SearchStrategy[Condition]:
    leaves = st.builds(
        lambda name, status, offset: leaf(name, status=status, offset=offset),
        st.sampled_from(names),
        st.sampled_from(
            [
                *[["COMPLETED"]] * 6,
                ["ERROR"],
                ["ERROR"],
                ["COMPLETED", "ERROR"],
                ["STARTED"],
                ["COMPLETED", "SKIPPED"],
                ["CANCELLED"],
            ]
        ),
        st.sampled_from([0, 0, 0, 0, 0, -1]),
    )
    trees = st.recursive(
        leaves,
        lambda inner: st.builds(
            lambda operator, members: {operator: members},
            st.sampled_from(["all_of", "any_of"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=3,
    )
    return trees.map(lambda tree: tree if "product" not in tree else {"all_of": [tree]})


def products(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """The product with a condition over those before it."""
    return st.builds(
        lambda condition, schedule: product(condition, schedule, name=name.replace("/", "-")),
        conditions(EXTERNALS + PRODUCTS[: PRODUCTS.index(name)]),
        st.sampled_from([*TIMES, None, None]),
    )


meshes = st.fixed_dictionaries(
    {**{name: st.builds(external) for name in EXTERNALS}, **{name: products(name) for name in PRODUCTS}}
)
