"""Each operation in a real browser: what it would change, the reason where one is asked for, the confirmation of exactly that, and what the state then says."""

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser, Page

import runtime
from headgate.board.api import Board
from headgate.local.postgres import Postgres
from tests.board_world import NOW, InProcess, morning, serving
from tests.browser import needs_chromium, opened, started
from tests.fake_aws import FakeAws
from tests.state_steps import TODAY
from tests.state_world import World, new_world

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def world(postgres: Postgres) -> Iterator[World]:
    with new_world(postgres) as made:
        morning(made)
        yield made


@pytest.fixture
def address(aws: FakeAws, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    with serving(Board([InProcess("local")])) as found:
        yield found


def preview(page: Page, button: str, reason: str | None = None) -> str:
    """Opens the dialog of the button. What it says would change."""
    page.get_by_role("button", name=button, exact=True).click()
    confirm = page.locator("dialog button.primary")
    if reason is not None:
        assert confirm.is_disabled(), "an operation that needs a reason has none"
        page.get_by_label("Why").fill(reason)
        confirm.click()
    page.wait_for_selector("dialog[open] .note:has-text('Nothing has been changed yet')")
    return " ".join(page.locator("dialog").inner_text().split())


def confirmed(page: Page) -> None:
    page.locator("dialog button.primary").click()
    page.wait_for_selector("dialog", state="detached")


def test_every_operation_is_previewed_confirmed_and_done(browser: Browser, address: str, world: World) -> None:
    def run(product: str) -> dict[str, object]:
        return world.run(product, TODAY)

    with opened(browser, address) as go:
        page = go("product/risk/limits")
        assert "risk/limits 2026-11-20 failed waiting 2" in preview(page, "Run again")
        assert run("risk/limits")["attempt"] == 1
        confirmed(page)
        assert (run("risk/limits")["attempt"], run("risk/limits")["changed_by"]) == (2, "ann")

        page = go("product/finance/ledger")
        assert "finance/ledger 2026-11-20 done waiting 2" in preview(page, "Run again with everything downstream")
        confirmed(page)
        assert run("finance/ledger")["attempt"] == 2

        page = go("product/core/positions")
        assert "job-build is asked to stop" in preview(page, "Cancel", "the custodian sends them again")
        confirmed(page)
        assert (run("core/positions")["status"], "custodian" in str(run("core/positions")["cause"])) == (
            "CANCELLED",
            True,
        )

        page = go("product/risk/concentration")
        assert "counts as arrived: core/issuers" in preview(page, "Go on without core/issuers", "no new ratings")
        confirmed(page)
        ((by, why),) = world.sql(
            "SELECT waived_by, waive_reason FROM data_product_dependencies_events_status WHERE waived_at IS NOT NULL"
        )
        assert (by, why) == ("ann", "no new ratings")

        page = go("product/core/issuers")
        assert "core/issuers 2026-11-20 waiting skipped 1" in preview(page, "Skip")
        confirmed(page)
        assert run("core/issuers")["status"] == "SKIPPED"

        page = go("product/risk/exposure")
        preview(page, "Hold")
        confirmed(page)
        assert run("risk/exposure")["held"] is True
        page.wait_for_selector("button:has-text('End the hold')")
        preview(page, "End the hold")
        confirmed(page)
        assert run("risk/exposure")["held"] is False

        page = go("product/marketing/segments")
        preview(page, "Open this date")
        confirmed(page)
        assert run("marketing/segments")["status"] == "WAITING"


def test_several_dates_are_opened_at_once(browser: Browser, address: str, world: World) -> None:
    with opened(browser, address) as go:
        page = go("product/core/instruments")
        preview(page, "Open dates")
        page.get_by_label("From").fill("2026-11-16")
        page.get_by_label("to", exact=True).fill("2026-11-17")
        page.locator("dialog button.primary").click()
        page.wait_for_selector("dialog[open] .note:has-text('Nothing has been changed yet')")
        assert "core/instruments 2026-11-16 not opened" in " ".join(page.locator("dialog").inner_text().split())
        confirmed(page)
    dates = "SELECT business_date::text FROM data_product_status WHERE product_id = 'core/instruments' AND business_date < '2026-11-18' ORDER BY 1"
    assert world.sql(dates) == [("2026-11-16",), ("2026-11-17",)]


def test_the_hold_of_a_product_can_be_ended(browser: Browser, address: str, world: World) -> None:
    world.state.set_hold("risk/limits", None, "", True, "bob", NOW)
    with opened(browser, address) as go:
        page = go("product/risk/limits")
        preview(page, "End the hold")
        confirmed(page)
    assert world.sql("SELECT held FROM data_product WHERE product_id = 'risk/limits'") == [(False,)]


def test_a_dialog_that_was_forgotten_asks_for_a_new_preview(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("product/core/trades")
        page.clock.install()
        preview(page, "Run again")
        confirm = page.locator("dialog button.primary")
        page.clock.run_for(110_000)
        assert confirm.inner_text() == "Run again"
        page.clock.run_for(20_000)
        page.wait_for_selector("dialog .note", state="detached")
        assert confirm.inner_text() == "Show what would change"


def test_what_has_changed_since_the_preview_is_not_done(browser: Browser, address: str, world: World) -> None:
    with opened(browser, address) as go:
        page = go("product/finance/report")
        preview(page, "End the hold")
        world.state.set_hold("finance/report", runtime.now().date(), "", False, "bob", NOW)
        page.locator("dialog button.primary").click()
        page.wait_for_selector("dialog .failure")
        assert page.locator("dialog").is_visible()
        assert page.locator("dialog button.primary").inner_text() == "Show what would change"
