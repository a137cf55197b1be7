"""The page of the board where something is unusual: an application of this morning, products that cannot be opened, dates without anything, odd names."""

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser

import runtime
from headgate.board.api import Board
from tests.board_world import InProcess, serving
from tests.browser import needs_chromium, opened, started, texts
from tests.fake_aws import FakeAws
from tests.state_steps import LOADED, TODAY
from tests.state_steps import opened as open_runs
from tests.state_world import World, at, external, product

pytestmark = [needs_chromium, pytest.mark.slow]
NINE = at(f"{TODAY} 09:00")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture
def address(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(runtime, "now", lambda: NINE)
    with serving(Board([InProcess("local")])) as found:
        yield found


def test_what_was_before_the_application_came_is_not_late(browser: Browser, address: str, world: World) -> None:
    """It was deployed at eight: nobody could have opened anything at six. What cannot be opened needs somebody, though."""
    made = {
        "raw/in": external(),
        "d1/morning": product("raw/in", name="morning", sla={"complete_by": "08:30"}),
        "d1/noon": product("raw/in", name="noon", schedule="12:00"),
        "d1/wrong": product("raw/in", name="wrong", schedule="08:30"),
        "d1/any": product("raw/in", name="any", schedule=None),
    }
    world.load(made, at(f"{TODAY} 08:00"))
    world.sql("UPDATE data_product SET opening_error = 'the time zone is not known' WHERE product_id = 'd1/wrong'")
    with opened(browser, address) as go:
        page = go(f"today?date={TODAY}")
        assert texts(page, ".count") == ["1 Failed", "3 Still to come", "1 Not on this date"]
        page.get_by_role("button", name="Not on this date").click()
        page.wait_for_selector("tbody th:has-text('morning')")
        assert texts(page, "tbody td:nth-child(2)") == ["not opened its opening at 06:00 was before its schedule began here, at 08:00"]  # fmt: skip
        page.get_by_role("button", name="Failed").click()
        page.wait_for_selector("tbody th:has-text('wrong')")
        assert texts(page, "tbody td:nth-child(2)") == ["not opened could not be opened: the time zone is not known"]


def test_the_critical_path_speaks_in_words(browser: Browser, address: str, world: World) -> None:
    """A product that runs and of which nothing is known yet has no time, and no status in capitals either."""
    world.load({"raw/in": external(), "d1/first": product("raw/in", name="first", sla={"complete_by": "10:00"})}, LOADED)
    open_runs(world)
    world.event("raw/in", TODAY, at(f"{TODAY} 06:10"))
    world.state.begin_pipeline(world.run("d1/first", TODAY)["run_id"], 1, None, at(f"{TODAY} 06:20"))
    with opened(browser, address) as go:
        page = go("day?path=d1%2Ffirst")
        page.wait_for_selector("ol.path li")
        assert texts(page, "ol.path li") == ["raw/in 06:10", "d1/first running"]
