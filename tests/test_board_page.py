"""The page of the board in a real browser, over a morning in which every kind of status occurs."""

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser

import runtime
from headgate.board.api import Board
from headgate.cli import critical_path
from headgate.cli.formatting import Clock
from headgate.local.postgres import Postgres
from tests.board_world import NOW, InProcess, morning, runs_before, serving
from tests.browser import needs_chromium, opened, started, texts, violations
from tests.fake_aws import FakeAws
from tests.golden import WRITING
from tests.state_steps import DAY
from tests.state_world import World, new_world

DOCS = Path(__file__).parent.parent / "docs"
PICTURES = {
    "today": "today",
    "product": "product/core/positions",
    "run": "run/risk/limits",
    "mesh": "mesh?selected=core%2Fpositions",
    "day": "day",
}
pytestmark = [needs_chromium, pytest.mark.slow]
# The controls that can be seen, each with its place, in the order of the document.
CONTROLS = """() => {
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, canvas[tabindex], [tabindex='0']")];
  all.forEach((each, number) => { each.dataset.place = `${number} ${each.tagName} ${(each.getAttribute("aria-label") ?? each.textContent).trim().slice(0, 40)}`; });
  return all.filter((each) => !each.disabled && each.checkVisibility({ visibilityProperty: true })).map((each) => each.dataset.place);
}"""
FOCUSED = """() => {
  const now = document.activeElement;
  const style = getComputedStyle(now);
  return [now.dataset.place ?? now.tagName, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0];
}"""
PAGES = (
    "today", "product/core/positions", "product/risk/concentration", "product/raw/ratings", "run/risk/limits", "day", "mesh?selected=core%2Fpositions",
    "files", "alerts", "changes", "health", "catalog", "shadow",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def world(postgres: Postgres) -> Iterator[World]:
    with new_world(postgres) as made:
        morning(made)
        runs_before(made, "core/positions", 41, 39, 44, 40, 38, 43, 40, 71, 42, 41, 39, 45)
        yield made


@pytest.fixture
def address(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    with serving(Board([InProcess("local")])) as found:
        yield found


def test_today_says_first_what_needs_attention(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("today")
        assert page.title() == "Today · Headgate"
        assert texts(page, ".summary") == ["5 products need attention; 6 of 14 are ready."]
        assert texts(page, ".count") == ["1 Failed", "2 Late", "1 Not received", "1 Held", "2 Waiting", "1 Still to come", "6 Done"]  # fmt: skip
        assert list(
            zip(texts(page, "details[open] tbody th"), texts(page, "details[open] tbody td:nth-child(2)"), strict=True)
        ) == [
            ("risk/limits", "failed JobFailed"),
            ("core/issuers", "late waits for raw/ratings; due by 08:00"),
            ("core/positions", "running, late runs since 07:12, for 1 h 48 min; due by 08:30"),
            ("raw/ratings", "not received usually here at 04:27, not yet received"),
            ("finance/report", "held held; waits for risk/exposure"),
            ("risk/concentration", "waiting waits for core/issuers, core/positions"),
            ("risk/exposure", "waiting waits for core/positions"),
        ]


def test_the_pictures_of_the_documentation(browser: Browser, address: str) -> None:
    """Taken anew with the golden files. Pictures of two machines differ in their pixels, so they are not compared."""
    if WRITING:
        with opened(browser, address) as go:
            for name, path in PICTURES.items():
                page = go(path)
                page.wait_for_selector(".loading", state="detached")
                page.wait_for_timeout(500)  # what is asked for after the page, and canvases
                page.screenshot(path=DOCS / f"board-{name}.png", full_page=True)
    shown = (DOCS / "board.md").read_text("utf-8") + (DOCS.parent / "README.md").read_text("utf-8")
    for name in PICTURES:
        picture = (DOCS / f"board-{name}.png").read_bytes()
        assert (picture[:8], len(picture) < 200_000) == (b"\x89PNG\r\n\x1a\n", True)
        assert f"board-{name}.png)" in shown


def test_a_choice_and_a_search_are_in_the_address(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("today")
        page.get_by_label("Domain").select_option("risk")
        page.get_by_label("Find a product").fill("lim")
        page.wait_for_url("**q=lim**")
        assert "domain=risk" in page.url
        assert texts(page, "tbody th") == ["risk/limits"]
        page.get_by_label("Find a product").fill("nothing")
        page.wait_for_selector(".empty")
        assert texts(page, ".empty .title") == ["No product is shown"]


def test_a_product_says_why_it_waits_and_what_is_behind_it(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("today")
        page.get_by_role("link", name="risk/concentration").click()
        page.wait_for_selector(".causes")
        assert page.title() == "risk/concentration · Headgate"
        assert texts(page, ".lead") == ["On Friday, 20 November 2026: waits for core/issuers, core/positions."]
        assert texts(page, ".causes li") == [
            "core/positions running since 07:12, 1 h 48 min owner core-data",
            "raw/ratings not received usually here at 04:27 owner market-data",
        ]
        assert texts(page, ".leaf") == [
            "core/positions running usually at 07:46",
            "core/issuers waiting for raw/ratings",
        ]
        page.locator(".causes a").nth(1).click()
        page.wait_for_selector("h1:has-text('ratings')")
        assert "#/product/raw/ratings" in page.url
        assert texts(page, ".lead") == ["On Friday, 20 November 2026: usually here at 04:27, not yet received."]


def test_a_product_says_when_it_will_be_ready_and_what_fails_with_it(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("product/core/issuers")
        page.wait_for_selector(".lineage .column:nth-child(3)")
        page.wait_for_selector("#expected")
        assert "raw/ratings" in texts(page, "#expected + p")[0]
        assert texts(page, "#lineage + p")[0].startswith("If it fails, 1 product cannot be refreshed as usual.")
        assert texts(page, ".lineage h3") == ["made of", "this product", "used by"]
        assert texts(page, ".lineage .column:first-child li") == ["raw/ratings not received"]
        go("product/core/trades").wait_for_selector(".lineage .column:nth-child(3)")
        page.get_by_role("button", name="Show all of it").click()
        assert texts(page, ".lineage h3") == ["made of", "this product", "used by", "2 steps after"]


def test_the_catalog_says_what_a_product_is_and_who_uses_it(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("catalog?q=counterparty")
        page.wait_for_selector("tbody td .quiet")
        assert texts(page, "tbody tr") == [
            "risk/exposure Exposure by counterparty risk daily at 06:00 UTC by 10:00 UTC never 1 waiting"
        ]
        go("catalog?q=raw/prices").wait_for_selector("tbody tr time")
        assert texts(page, "tbody tr td:nth-child(6)") == ["2026-11-20 at 06:20"]


def test_a_product_shows_its_last_days_and_what_is_usual(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("product/core/positions")
        page.wait_for_selector(".durations")
        assert texts(page, ".strip a")[-4:] == [
            "2026-11-17: failed, late, ran 41 min", "2026-11-18: done, ran 39 min", "2026-11-19: done, ran 45 min", "2026-11-20: running, late",
        ]  # fmt: skip
        assert texts(page, ".durations figcaption") == [
            "Four of five runs took 39 min to 45 min; the last took 45 min."
        ]
        assert page.locator(".durations circle").count() == 11, "the run that failed says nothing of what is usual"
        assert page.locator(".durations circle.long").count() == 1
        go("product/core/trades").wait_for_selector("#days")
        assert page.locator(".durations").count() == 0, "one run is not usual"


def test_a_product_shows_its_definition_and_what_has_changed_in_it(
    browser: Browser, address: str, world: World
) -> None:
    with opened(browser, address) as go:
        page = go("product/core/issuers")
        page.wait_for_selector("#definition ~ .whole")
        assert texts(page, "section:has(#definition) .facts > div") == [
            "Schedule daily at 06:00 UTC",
            "SLA by 08:00 UTC",
            "Commit abc",
        ]
        page.get_by_text("All of it, as it is deployed").click()
        assert '"owner": "core-data"' in page.locator(".whole pre").inner_text()
        assert texts(page, "section:has(#definition) tbody tr") == ["7 Nov 00:00 core/issuers added abc test"]


REPORT = [
    "raw/prices 06:20",
    "core/instruments 06:20 to 07:10, 50 min",
    "core/positions 07:10 to 09:32 (expected), 142 min; due by 08:30, 62 min too late; slack: raw/positions 30 min",
    "risk/exposure 09:32 to 10:00 (expected), 28 min; due by 10:00, 0 min before it; slack: core/trades 142 min",
    "finance/report 10:00 to 10:00 (expected), 0 min; due by 11:00, 60 min before it; slack: finance/ledger 130 min",
]


def test_the_day_shows_its_critical_path(browser: Browser, address: str) -> None:
    """As a list that says what the command says, in the table by number, and in the chart by numbers and frames."""
    with opened(browser, address) as go:
        go("day").wait_for_selector("#path:has-text('core/positions')")  # what has the least time left
        page = go("day?path=finance%2Freport")
        page.wait_for_selector("#path:has-text('finance/report')")
        assert texts(page, "ol.path li") == REPORT
        path = InProcess("local").ask({"question": "critical_path", "product": "finance/report"})["path"]
        said = [line.replace(": ", " ", 1) for line in critical_path.lines(path, Clock(UTC, str(DAY)))]
        assert [each.split(" ", 1)[1] for each in REPORT] == [each.split(" ", 1)[1] for each in said]
        assert "on the critical path" in texts(page, ".legend")[0]
        page.wait_for_timeout(200)  # the canvas draws in the next frame
        drawn = page.locator(".chart canvas").screenshot()
        page.get_by_role("button", name="Show as a table").click()
        rows = {row.split()[0]: row.split()[1] for row in texts(page, "tbody tr")}
        assert [rows[each.split()[0]] for each in REPORT] == ["1", "2", "3", "4", "5"]
        page.get_by_role("button", name="Show the chart").click()
        page.locator("label:has-text('Critical path') select").select_option("none")
        page.wait_for_selector("ol.path", state="detached")
        page.wait_for_timeout(200)
        assert page.locator(".chart canvas").screenshot() != drawn


def test_the_critical_path_of_a_product_can_be_chosen_and_sent(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("day")
        page.wait_for_selector("ol.path li")
        page.locator("label:has-text('Critical path') select").select_option("core/issuers")
        page.wait_for_selector("#path:has-text('core/issuers')")
        assert "path=core%2Fissuers" in page.url
        assert texts(page, "ol.path li a") == ["raw/ratings", "core/issuers"]
        go("product/core/issuers").get_by_role("link", name="over the day").click()
        page.wait_for_selector("#path:has-text('core/issuers')")


def test_texts_of_others_are_text(browser: Browser, address: str) -> None:
    """A description is written by anybody who can deploy a product."""
    with opened(browser, address) as go:
        page = go("product/finance/report")
        page.wait_for_selector(".description")
        assert texts(page, ".description") == ["Daily report <b>to the board</b>"]


def test_a_run_shows_its_course(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("run/risk/limits")
        page.wait_for_selector(".bars li")
        assert texts(page, ".bars .words") == [
            "waits for its inputs, 06:00 to 07:10, 1 h 10 min",
            "released, its machine starts, 07:10 to 07:12, 2 min",
            "pipeline, 07:12 to 07:40, 28 min",
        ]
        assert texts(page, "section:has(#happened) tbody tr td:nth-child(2)")[-1] == "failed: JobFailed"
        assert texts(page, "section:has(#inputs) .leaf") == ["core/trades arrived 07:10"]
        go("run/core/positions").wait_for_selector("#jobs")
        assert texts(page, "section:has(#jobs) tbody tr")[0].startswith("build job-build started 1 07:12")


def test_an_action_is_shown_before_it_is_done(browser: Browser, address: str, world: World) -> None:
    with opened(browser, address) as go:
        page = go("product/risk/exposure")
        page.get_by_role("button", name="Hold", exact=True).click()
        page.wait_for_selector("dialog[open] .note")
        assert "Nothing has been changed yet" in page.locator("dialog").inner_text()
        page.get_by_role("button", name="Leave it as it is").click()
        page.wait_for_selector("dialog", state="detached")
        assert world.run("risk/exposure", "2026-11-20")["held"] is False

        page.get_by_role("button", name="Hold", exact=True).click()
        page.wait_for_selector("dialog[open] .note")
        page.locator("dialog button.primary").click()
        page.wait_for_selector("button:has-text('End the hold')")
        assert world.run("risk/exposure", "2026-11-20")["held"] is True

        page.get_by_role("button", name="End the hold").click()
        page.wait_for_selector("dialog[open] .note")
        page.locator("dialog button.primary").click()
        page.get_by_role("button", name="Hold", exact=True).wait_for()
        assert world.run("risk/exposure", "2026-11-20")["held"] is False


def test_a_reason_is_part_of_what_is_confirmed(browser: Browser, address: str, world: World) -> None:
    with opened(browser, address) as go:
        page = go("product/risk/concentration")
        page.get_by_role("button", name="Go on without core/issuers").click()
        confirm = page.locator("dialog button.primary")
        assert (confirm.inner_text(), confirm.is_disabled()) == ("Show what would change", True)
        page.get_by_label("Why").fill("the custodian has no new ratings")
        confirm.click()
        page.wait_for_selector("dialog .note")
        assert "counts as arrived: core/issuers" in page.locator("dialog").inner_text()
        page.get_by_label("Why").fill("another reason")
        assert confirm.inner_text() == "Show what would change", "what was shown is not what would be done"
        page.get_by_role("button", name="Leave it as it is").click()
        assert world.sql("SELECT count(*) FROM data_product_dependencies_events_status WHERE waived_by IS NOT NULL") == [(0,)]  # fmt: skip


def test_a_change_is_shown_while_somebody_looks(browser: Browser, address: str, world: World) -> None:
    with opened(browser, address) as go:
        page = go("today")
        world.state.set_hold("risk/concentration", None, "", True, "ann", NOW)
        page.wait_for_selector("button.count:has-text('2 Held')", timeout=8_000)
        world.state.set_hold("risk/concentration", None, "", False, "ann", NOW)


def test_a_server_that_has_gone_leaves_what_was_known(browser: Browser, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    context = browser.new_context(timezone_id="UTC")
    page = context.new_page()
    with serving(Board([InProcess("local")])) as address:
        page.goto(address)
        page.wait_for_selector("tbody tr")
    page.wait_for_selector(".stale", timeout=10_000)
    assert texts(page, ".stale")[0].startswith("This is how it was at 09:00. The board's server does not answer.")
    assert len(texts(page, "tbody tr")) > 5
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Day", exact=True).click()
    page.wait_for_selector("main .failure")
    assert "This page could not be loaded." in texts(page, "main .failure")[0], "it has not been opened before"
    page.go_back()
    page.wait_for_selector("tbody tr")
    context.close()


def test_a_page_that_is_opened_while_the_server_is_away_shows_the_last_snapshot(browser: Browser, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    context = browser.new_context(timezone_id="UTC")
    page = context.new_page()
    with serving(Board([InProcess("local")])) as address:
        page.goto(address)
        page.wait_for_selector("tbody tr")
        context.service_workers or context.wait_for_event("serviceworker")
        page.reload()  # the worker keeps what it has seen
        page.wait_for_selector("tbody tr")
    page.reload()
    page.wait_for_selector("tbody tr")
    assert texts(page, ".stale")[0].startswith("This is how it was at 09:00.")
    assert texts(page, ".summary") == ["5 products need attention; 6 of 14 are ready."]
    context.close()


def test_without_the_token_nothing_is_shown(browser: Browser, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(address.split("#")[0])
    page.wait_for_selector(".failure")
    assert texts(page, ".failure .title") == ["You are not signed in."]
    assert "core/positions" not in page.content()
    assert texts(page, "main") == ["Headgate You are not signed in. The token is missing or wrong: open the address that headgate board or headgate up has printed."]  # fmt: skip
    context.close()


def test_a_second_tab_has_the_token_of_the_first(browser: Browser, address: str) -> None:
    context = browser.new_context()
    first, second = context.new_page(), context.new_page()
    first.goto(address)
    first.wait_for_selector("tbody tr")
    assert "token" not in first.url
    second.goto(address.split("#")[0] + "#/product/core/trades")
    second.wait_for_selector("h1:has-text('trades')")
    context.close()


def test_every_page_can_be_read_by_everybody(browser: Browser, address: str) -> None:
    found: dict[str, Any] = {}
    with opened(browser, address, bypass_csp=True) as go:
        for path in PAGES:
            page = go(path)
            page.wait_for_selector(".loading", state="detached")
            found |= {f"{path}: {rule}": nodes for rule, nodes in violations(page).items()}
    assert not found, json.dumps(found, indent=1)


@pytest.mark.parametrize("path", PAGES)
def test_a_keyboard_reaches_everything_and_shows_where_it_is(browser: Browser, address: str, path: str) -> None:
    """Each control that can be seen is reached by the tabulator, in the order of the page, with a mark around it, and the last one lets go."""
    with opened(browser, address, bypass_csp=True) as go:
        page = go(path)
        page.wait_for_selector(".loading", state="detached")
        page.wait_for_timeout(300)  # what is asked for after the page
        wanted = page.evaluate(CONTROLS)
        page.locator(".skip").focus()
        reached = wanted[:1]
        for _ in range(3 * len(wanted) + 20):
            page.keyboard.press("Tab")
            name, marked = page.evaluate(FOCUSED)
            if name == "BODY":
                break
            if name in wanted and name not in reached:
                reached.append(name)
                assert marked, f"{name} has the focus, and nothing shows it"
        assert reached == wanted


NARROWEST = "() => Math.min(...[...document.querySelectorAll('td, tbody th')].filter((each) => each.innerText && each.checkVisibility()).map((each) => each.clientWidth))"


def test_a_small_screen_shows_every_page(browser: Browser, address: str) -> None:
    """No page is wider than the screen, and no column is squeezed to a few letters: a table is moved sideways instead."""
    with opened(browser, address, bypass_csp=True) as go:
        go("today").set_viewport_size({"width": 400, "height": 800})
        for path in PAGES:
            page = go(path)
            page.wait_for_selector(".loading", state="detached")
            page.wait_for_timeout(200)  # what is asked for after the page
            assert page.evaluate("document.documentElement.scrollWidth") <= 400, path
            assert page.locator("td").count() == 0 or page.evaluate(NARROWEST) >= 40, path


def test_it_can_be_used_without_a_mouse(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("today")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # skip to the content
        assert page.locator("main:focus").count() == 1
        go("mesh")
        page.locator("canvas").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(".selected")
        page.get_by_role("button", name="Show as a table").click()
        assert texts(page, "tbody td:first-child")[:2] == ["core", "risk"]
