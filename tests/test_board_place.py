"""Back leads to where somebody was in a long list, as a reload does; a link leads to the top of its page."""

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser, Page

import runtime
from headgate.board.api import Board
from tests.board_world import InProcess, serving
from tests.browser import needs_chromium, opened, started
from tests.fake_aws import FakeAws
from tests.state_steps import LOADED, TODAY
from tests.state_steps import opened as open_runs
from tests.state_world import World, at, external, product

pytestmark = [needs_chromium, pytest.mark.slow]
MANY = 160
FAR = "p150"  # behind "Show all", many screens below


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture
def address(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 09:00"))
    many = {f"d1/p{n:03}": product("raw/in", name=f"p{n:03}") for n in range(MANY)}
    world.load({"raw/in": external(), **many}, LOADED)
    open_runs(world)
    with serving(Board([InProcess("local")])) as found:
        yield found


def is_seen(page: Page, name: str) -> bool:
    return bool(
        page.locator("main a.product", has_text=name).first.evaluate(
            "(link) => { const { top, bottom } = link.getBoundingClientRect(); return top >= 0 && bottom <= innerHeight; }"
        )
    )


def follow(page: Page, name: str) -> None:
    link = page.locator("main a.product", has_text=name).first
    link.scroll_into_view_if_needed()
    link.click()
    page.wait_for_selector(f"h1:has-text('{name}')")


def test_back_leads_to_the_same_place_of_a_list(browser: Browser, address: str) -> None:
    with opened(browser, address, bypass_csp=True) as go:
        page = go("today")
        page.get_by_role("button", name="Show all").click()
        follow(page, FAR)
        assert page.evaluate("scrollY") == 0, "a link leads to the top"
        page.wait_for_selector("h2:has-text('This run')")

        page.go_back()
        page.wait_for_selector(f"main a.product:focus:has-text('{FAR}')")
        assert is_seen(page, FAR)

        page.reload()
        page.wait_for_function("scrollY > 1000")
        assert is_seen(page, FAR)


def test_what_was_opened_stays_open_when_something_else_is_chosen(browser: Browser, address: str) -> None:
    """A search and another choice are further entries, or none, of the same list."""
    with opened(browser, address, bypass_csp=True) as go:
        page = go("today")
        page.get_by_role("button", name="Show all").click()
        page.get_by_role("searchbox").fill("p15")
        page.wait_for_selector(f"main a.product:has-text('{FAR}')")
        page.get_by_role("searchbox").fill("")
        page.get_by_role("button", name="Waiting").click()
        follow(page, FAR)
        page.go_back()
        page.wait_for_selector(f"main a.product:focus:has-text('{FAR}')")
        assert is_seen(page, FAR)


def test_a_group_that_was_opened_is_open_after_coming_back(browser: Browser, address: str, world: World) -> None:
    """What is done is closed at first; somebody opened it to look at one of its products."""
    world.event("raw/in", TODAY, at(f"{TODAY} 08:00"))
    with opened(browser, address, bypass_csp=True) as go:
        page = go("today")
        group = page.locator("details.group", has=page.get_by_role("heading", name="Done"))
        group.locator("summary").click()
        follow(page, "raw/in")
        page.go_back()
        page.wait_for_selector("main a.product:focus:has-text('raw/in')")


def test_what_is_answered_later_is_waited_for_and_nobody_is_moved_who_scrolls(browser: Browser, address: str) -> None:
    """Changes are asked for again when somebody comes back: the page is short until they are there."""
    with opened(browser, address, bypass_csp=True) as go:
        page = go(f"changes?date={TODAY}")
        page.get_by_role("button", name="Show all").click()
        follow(page, FAR)
        page.go_back()
        page.wait_for_selector(f"main a.product:has-text('{FAR}')", state="attached")
        page.wait_for_function("scrollY > 1000")
        assert is_seen(page, FAR)

        page.mouse.wheel(0, -100_000)
        page.wait_for_function("scrollY === 0")
        page.wait_for_timeout(500)
        assert page.evaluate("scrollY") == 0
