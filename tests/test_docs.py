"""The pages written from the code are up to date, and what pages name exists."""

import re
from pathlib import Path

import pytest

from headgate.generator import reference
from tests.golden import expect
from website import reference as commands_and_events

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {**reference.PAGES, **commands_and_events.PAGES}
WRITTEN = (*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md")


@pytest.mark.parametrize("name", PAGES)
def test_is_up_to_date(name: str) -> None:
    expect(DOCS / name, PAGES[name]().encode())


def test_every_invariant_names_tests_that_exist() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (DOCS / "architecture.md").read_text("utf-8"))
    assert named
    for file, function in named:
        assert f"def {function}(" in (ROOT / "tests" / file).read_text("utf-8"), f"{file}::{function}"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [DOCS / "architecture.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_paths_that_a_recipe_names_exist(page: Path) -> None:
    paths = re.findall(r"`((?:generator|functions|local|cli|tests|events|docs)/[\w./-]+)`", page.read_text("utf-8"))
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path
