"""The board over meshes of the size of large real ones: every page is drawn, and what it asks for stays small."""

import gzip
import json
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser

import runtime
from headgate.board.api import Board
from tests.board_world import NOW, InProcess, large, serving
from tests.browser import needs_chromium, opened, started
from tests.fake_aws import FakeAws
from tests.state_steps import LOADED
from tests.state_steps import opened as open_runs
from tests.state_world import SOAK, World

pytestmark = [needs_chromium, pytest.mark.slow]
SIZES = [(683, 42, 30_000), (8_339, 768, 160_000)]  # products, domains, bytes of the first answer
DRAWN = {
    "today": ".count",
    "mesh?selected=domain-000%2Fp0003": "section.selected",
    "day": ".chart canvas",
    "catalog": "button.more",
}
COUNT_FILLED = """() => {
  const { fillRect, strokeRect } = CanvasRenderingContext2D.prototype;
  [window.filled, window.framed] = [0, 0];
  CanvasRenderingContext2D.prototype.fillRect = function (...given) { window.filled += 1; return fillRect.apply(this, given); };
  CanvasRenderingContext2D.prototype.strokeRect = function (...given) { window.framed += 1; return strokeRect.apply(this, given); };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.mark.parametrize(("products", "domains", "most"), SIZES if SOAK > 1 else SIZES[:1])
def test_every_page_of_a_large_mesh(
    browser: Browser,
    world: World,
    aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    products: int,
    domains: int,
    most: int,
) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    world.load(large(products, domains), LOADED)
    open_runs(world)
    answer = InProcess("local").ask({"question": "status", "columns": True})
    assert len(gzip.compress(json.dumps(answer, separators=(",", ":")).encode(), 6)) <= most
    with serving(Board([InProcess("local")])) as address, opened(browser, address) as go:
        for path, drawn in DRAWN.items():
            go(path).wait_for_selector(drawn)
        page = go("today?q=domain-001/p0002")
        page.wait_for_selector("tbody tr")
        assert [each.inner_text() for each in page.locator("tbody th").all()] == ["domain-001/p0002"]


def test_a_selection_draws_no_tile_again(
    browser: Browser, world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    world.load(large(683, 42), LOADED)
    open_runs(world)
    with serving(Board([InProcess("local")])) as address, opened(browser, address) as go:
        page = go("mesh?selected=domain-000%2Fp0003")
        page.wait_for_selector("section.selected:has-text('depends on it'), section.selected:has-text('If it fails')")
        page.evaluate(COUNT_FILLED)
        for _ in range(3):
            page.press("canvas.wall", "ArrowRight")
        page.wait_for_selector("section.selected:not(:has-text('domain-000/p0003'))")
        assert page.evaluate("window.framed") > 0, "what is selected has a frame"
        assert page.evaluate("window.filled") == 0
