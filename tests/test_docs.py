"""The pages written from the code are up to date."""

from pathlib import Path

import pytest

from headgate.generator.reference import PAGES
from tests.golden import expect

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_is_up_to_date(name: str) -> None:
    expect(DOCS / name, PAGES[name]().encode())
