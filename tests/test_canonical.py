"""The one form of JSON on disk holds exactly what was rendered."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headgate.generator.render.canonical import canonical

PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=16) | st.dictionaries(st.text(max_size=4), inner, max_size=6), max_leaves=40
)  # fmt: skip


@given(VALUES.filter(lambda value: isinstance(value, dict | list)))
def test_nothing_is_lost_and_order_is_kept(value: Any) -> None:
    written = canonical(value)
    assert json.dumps(json.loads(written)) == json.dumps(value)
    assert written.endswith(b"\n")


def test_lists_of_both_plain_values_and_objects() -> None:
    assert canonical({"a": [{"Ref": "Account"}, ""]}) == b'{"a": [{"Ref": "Account"}, ""]}\n'
