"""The page of the board where something is unusual: an application of this morning, products that cannot be opened, dates without anything, odd names."""

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser, Route

import runtime
from headgate.board.api import Board
from tests.board_world import InProcess, serving
from tests.browser import needs_chromium, opened, started, texts
from tests.fake_aws import FakeAws
from tests.state_steps import LOADED, TODAY
from tests.state_steps import opened as open_runs
from tests.state_world import World, at, daily, external, product

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
    world.load(
        {"raw/in": external(), "d1/first": product("raw/in", name="first", sla={"complete_by": "10:00"})}, LOADED
    )
    open_runs(world)
    world.event("raw/in", TODAY, at(f"{TODAY} 06:10"))
    world.state.begin_pipeline(world.run("d1/first", TODAY)["run_id"], 1, None, at(f"{TODAY} 06:20"))
    with opened(browser, address) as go:
        page = go("day?path=d1%2Ffirst")
        page.wait_for_selector("ol.path li")
        assert texts(page, "ol.path li") == ["raw/in 06:10", "d1/first running"]


def test_a_date_or_a_product_that_does_not_exist(browser: Browser, address: str, world: World) -> None:
    """An address may be typed, or old: the latest date is shown, and what is not there says so."""
    world.load({"raw/in": external()}, LOADED)
    with opened(browser, address) as go:
        for typed in ("2026-13-45", "2026-02-30", "yesterday", "0000-01-01"):
            page = go(f"today?date={typed}")
            page.wait_for_selector("h1:has-text('2026')")
            assert texts(page, ".count") == ["1 Still to come"], typed
        page = go("today?date=2031-01-01")
        page.wait_for_selector("h1:has-text('1 January 2031')")
        page = go("product/d1/gone")
        page.wait_for_selector(".failure")
        assert texts(page, ".failure") == ["This product is not known. d1/gone. It was removed, or its name is another one: the catalog has all."]  # fmt: skip
        page.get_by_role("link", name="catalog", exact=True).click()
        page.wait_for_selector("tbody tr")


def test_what_has_the_focus_keeps_it_when_its_row_moves(browser: Browser, address: str, world: World) -> None:
    made = {"raw/in": external(), **{f"d1/{name}": product("raw/in", name=name) for name in "abc"}}
    world.load(made, LOADED)
    open_runs(world)
    with opened(browser, address) as go:
        page = go("today")
        page.get_by_role("link", name="d1/b").focus()
        world.state.set_hold("d1/b", None, "", True, "ann", NINE)
        world.event("raw/in", TODAY, NINE)
        page.wait_for_selector("h2:has-text('Held')", timeout=8_000)
        assert page.evaluate("document.activeElement.textContent") == "d1/b"
        assert page.locator("details:has(h2:has-text('Held')) a:focus").count() == 1
        assert texts(page, "[aria-live=polite].hidden") == ["raw/in is done"], (
            "who does not see the page is told what has changed"
        )


def test_what_was_given_up_needs_somebody(browser: Browser, address: str, world: World) -> None:
    """The start of a machine that AWS has refused until it was parked: the run waits for nothing, and nothing goes on by itself."""
    world.load({"raw/in": external(), "d1/a": product("raw/in", name="a"), "d1/b": product("raw/in", name="b")}, LOADED)
    open_runs(world)
    world.event("raw/in", TODAY, at(f"{TODAY} 06:10"))
    world.sql("UPDATE effect SET parked_at = %s, failing_since = %s, tries = 12, outcome = 'refused' WHERE run_id = (SELECT run_id FROM data_product_status WHERE product_id = 'd1/a')", NINE, NINE)  # fmt: skip
    with opened(browser, address) as go:
        page = go("today")
        assert texts(page, "tbody td:nth-child(2)")[:2] == [
            "waiting released at 06:10, not started yet; something of it was given up, see Health",
            "waiting released at 06:10, not started yet",
        ]
        assert texts(page, ".count")[0] == "1 Failed"
        go("product/d1/a").wait_for_selector(".facts")
        (given_up,) = [each for each in texts(page, ".facts > div") if each.startswith("Given up")]
        assert re.match(r"Given up start execution: .*refused.* headgate retry \d+$", given_up)
        world.state.set_hold("d1/b", None, "", True, "ann", NINE)
        go("product/d1/b").wait_for_selector(".facts dt:has-text('Held by') + dd:has-text('ann')")


def test_times_are_of_the_reader_and_of_the_product(browser: Browser, address: str, world: World) -> None:
    """The SLA is at eight in Chicago, also on the days on which clocks change; the reader is in London."""
    sla = {"complete_by": "08:00", "timezone": "America/Chicago"}
    world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", sla=sla)}, at("2026-10-20 00:00"))
    open_runs(world, "2026-10-25 06:00")
    open_runs(world, "2026-10-26 06:00")
    with opened(browser, address, timezone_id="Europe/London") as go:
        for date, shown in (("2026-10-24", "14:00 08:00 GMT-5"), ("2026-10-25", "13:00 08:00 GMT-5")):
            page = go(f"today?date={date}")
            page.wait_for_selector(f"tbody td:nth-child(3):has-text('{shown}')")


def test_no_date_is_shown_as_another_one(browser: Browser, address: str, world: World) -> None:
    """The answer about the first date comes after that about the second, as where a database wakes up between them."""
    world.load(
        {"raw/in": external(), "d1/a": product("raw/in", name="a", sla={"complete_by": "08:00"})},
        at("2026-11-17 00:00"),
    )
    for day in ("18", "19", "20"):
        open_runs(world, f"2026-11-{day} 06:00")
    world.event("raw/in", TODAY, at(f"{TODAY} 06:10"))
    held: list[Route] = []
    with opened(browser, address) as go:
        page = go("today")
        page.wait_for_selector("button:has-text('Done')")
        page.route(re.compile("api/status.*2026-11-19"), lambda route: held.append(route))
        page.get_by_role("button", name="The day before").click()
        page.wait_for_selector(".loading")
        assert page.locator("button:has-text('Done')").count() == 0, "what is of another date is not shown meanwhile"
        page.get_by_role("button", name="The day before").click()
        page.wait_for_selector("h1:has-text('18 November')")
        page.wait_for_selector("button:has-text('Late')")
        for each in held:
            each.fulfill(
                json={
                    "business_date": "2026-11-19",
                    "asked_at": NINE.isoformat(),
                    "products": [],
                    "whole": True,
                    "more": False,
                }
            )
        page.wait_for_timeout(500)
        assert texts(page, ".count") == ["1 Late", "1 Still to come"]


def test_an_answer_that_takes_long_says_so(browser: Browser, address: str, world: World) -> None:
    """A database that sleeps answers after half a minute; until then the page says as of when it is, and what somebody waits for."""
    world.load({"raw/in": external(), "d1/a": product("raw/in", name="a")}, LOADED)
    open_runs(world)
    with opened(browser, address) as go:
        page = go("today")
        page.clock.install()
        page.route("**/api/**", lambda route: None)
        page.clock.run_for(20_000)
        page.wait_for_selector(".stale:has-text('There is no answer yet')")
        assert texts(page, "tbody th") == ["d1/a"]
        page.get_by_role("link", name="d1/a").click()
        page.wait_for_selector(".loading")
        page.clock.run_for(7_000)
        page.wait_for_selector(".loading:has-text('half a minute to wake up')")


def test_a_catalog_without_products_and_a_choice_that_nothing_has(browser: Browser, address: str, world: World) -> None:
    with opened(browser, address) as go:
        for path in ("today", "catalog", "mesh"):
            go(path).wait_for_selector(".empty")
            assert texts(go(path), ".empty") == ["No product is shown The catalog of the application has no products yet. Deploy one, and it appears here."]  # fmt: skip
        world.load({"raw/in": external()}, LOADED)
        page = go("today?domain=gone")
        page.wait_for_selector(".empty:has-text('No product matches')", timeout=8_000)
        page.get_by_label("Domain").select_option("All domains")
        page.wait_for_selector("tbody tr")


def test_a_row_leads_to_its_own_cycle(browser: Browser, address: str, world: World) -> None:
    """Of a product that runs at six and at eight the first run failed: that is what somebody wants to see who clicks on it."""
    twice = {"complete_by": "08:30"}
    world.load(
        {
            "raw/in": external(),
            "d1/twice": product("raw/in", name="twice", schedule=daily("06:00", "08:00"), sla=twice),
        },
        LOADED,
    )
    open_runs(world, f"{TODAY} 08:00")
    run = world.run("d1/twice", TODAY, "0600")["run_id"]
    world.state.record_outcome(run, 1, "ERROR", "UpstreamMissing", None, at(f"{TODAY} 08:10"), "machine")
    with opened(browser, address) as go:
        page = go("today")
        page.get_by_role("button", name="Failed").click()
        page.get_by_role("link", name="d1/twice").click()
        page.wait_for_selector(".lead")
        assert texts(page, ".lead")[0].startswith("On Friday, 20 November 2026, cycle 06:00: failed: UpstreamMissing")
        assert texts(page, "nav.cycles a") == ["06:00 failed", "08:00 late"]
        page.locator("nav.cycles a").nth(1).click()
        page.wait_for_selector(".lead:has-text('cycle 08:00: waits for raw/in')")
        page.get_by_role("link", name="what happened in this run").click()
        page.wait_for_selector("h1:has-text('Run of') + p:has-text('cycle 08:00')")
