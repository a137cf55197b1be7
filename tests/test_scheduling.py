"""The order in which workers get the tests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.local_application import needs_sam
from tests.scheduling import distributed

FILE = """
import pytest

@pytest.fixture(scope="module")
def made(): ...

def test_quick(number): ...

def test_slow(): ...

def test_first(made): ...

def test_deploys(): ...

def test_second(made): ...
"""


@dataclass
class Item:
    """As far as the order asks for it."""

    nodeid: str
    markers: tuple[Any, ...] = ()

    def iter_markers(self) -> tuple[pytest.Mark, ...]:
        return tuple(each.mark for each in self.markers)

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return next((each for each in self.iter_markers() if each.name == name), None)


def test_long_ones_begin_early_and_what_shares_a_fixture_is_together(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(FILE)
    slow = pytest.mark.slow
    marks = {"slow": (slow,), "first": (slow,), "deploys": (slow, needs_sam), "second": (slow,)}
    names = [*(f"quick[{number}]" for number in range(20)), *marks]
    items: list[Any] = [Item(f"test_it.py::test_{name}", marks.get(name, ())) for name in names]
    order = [each.nodeid.removeprefix("test_it.py::test_") for each in distributed(tmp_path, items)]
    assert sorted(order) == sorted(names)
    assert order[:3] == ["deploys", "first", "second"]
    assert 4 < order.index("slow") < 16, "between quick ones"
