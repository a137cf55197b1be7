"""A change of a definition in a real browser: what is wrong with it, what it means, its patch, and the branch that proposes it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser

from headgate.board.api import Board
from headgate.cli.board_editor import MetadataEditor
from tests.board_world import serving
from tests.browser import needs_chromium, opened, started, texts, violations
from tests.git_world import cloned, git
from tests.test_board_lists import ANSWERS
from tests.test_board_server import Fake

ROOT = Path(__file__).parent.parent
pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return cloned(tmp_path, monkeypatch)


@pytest.fixture
def address(clone: Path) -> Iterator[str]:
    with serving(Board([Fake("orders", ANSWERS)], MetadataEditor(clone / "mesh" / "products"))) as found:
        yield found


def test_a_change_of_a_definition_is_tried_and_ends_as_a_patch(browser: Browser, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "products", tmp_path / "products")
    editor = MetadataEditor(tmp_path / "products")
    with serving(Board([Fake("orders", ANSWERS)], editor)) as address, opened(browser, address) as go:
        page = go("edit/d1/ds1")
        text = page.get_by_role("textbox", name="Definition")
        text.fill(text.input_value().replace("60m", "90m"))
        page.wait_for_selector("#changes")
        assert texts(page, "#changes + ul li li") == ["timeout 1h -> 90m"]
        assert "+        timeout: 90m" in page.locator("pre.code").inner_text()
        text.fill(text.input_value().replace("90m", "9 parsecs"))
        page.wait_for_selector(".findings li")
        assert "products/d1/ds1.yaml:" in texts(page, ".findings li")[0]
        assert page.locator("#changes").count() == 0
        assert page.locator("#proposal").count() == 0, "what has errors is not proposed"


def test_a_change_of_a_definition_is_proposed_as_a_branch(browser: Browser, address: str, clone: Path) -> None:
    with opened(browser, address) as go:
        page = go("edit/d1/a")
        text = page.get_by_role("textbox", name="Definition")
        text.fill(text.input_value().replace("4h", "6h"))
        page.wait_for_selector("#proposal")
        assert page.get_by_label("Title").input_value() == "Change d1/a: deadline 4h -> 6h"
        page.get_by_role("button", name="Show what would be pushed").click()
        page.wait_for_selector("button:has-text('Push the branch')")
        assert "headgate/" not in git(clone.parent / "remote.git", "for-each-ref")
        page.get_by_label("Title").fill("Give it six hours")
        page.get_by_role("button", name="Show what would be pushed").click()  # what was shown had another title
        page.get_by_role("button", name="Push the branch").click()
        page.get_by_text("Open the pull request").wait_for()
    branches = git(clone.parent / "remote.git", "for-each-ref", "--format=%(subject) %(refname)").splitlines()
    assert [each.split(" refs")[0] for each in branches] == ["Give it six hours", "the mesh"]


def test_the_editor_can_be_read_by_everybody(browser: Browser, address: str) -> None:
    with opened(browser, address, bypass_csp=True) as go:
        page = go("edit/d1/a")
        text = page.get_by_role("textbox", name="Definition")
        text.fill(text.input_value().replace("4h", "6h").replace("owner:", "ownr:"))
        page.wait_for_selector(".findings li")
        assert violations(page) == {}
        text.fill(text.input_value().replace("ownr:", "owner:"))
        page.wait_for_selector("#proposal")
        page.get_by_role("button", name="Show what would be pushed").click()
        page.wait_for_selector("button:has-text('Push the branch')")
        assert violations(page) == {}
