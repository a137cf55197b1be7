"""The hosted board as a whole: somebody signs in at a provider in a real browser, looks, acts and signs out; tokens that are not for this are refused."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("playwright")

from axe_playwright_python.sync_playwright import Axe
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as NotShownError

from tests.board_world import NOW, morning
from tests.browser import needs_chromium
from tests.browser import started as browser_started
from tests.fake_aws import FakeAws
from tests.handler_steps import invoke
from tests.hosted_world import Hosted, started
from tests.http_api import api
from tests.oidc_provider import AUDIENCE, CLIENT, Provider, served
from tests.state_steps import DAY
from tests.state_world import World

pytestmark = [needs_chromium, pytest.mark.slow]
BOTH = "openid headgate/read headgate/operate"
PEOPLE: dict[str, dict[str, Any]] = {
    "Ann": {"scope": BOTH, "groups": ["risk-team", "staff"]},
    "Ben": {"scope": "openid headgate/read", "groups": ["staff"]},
}
PERMISSIONS = {"risk-team": {"read": ["*"], "operate": ["risk"]}, "staff": {"read": ["risk"]}}


@dataclass
class Site:
    address: str
    provider: Provider
    board: Hosted

    def ask(self, path: str, token: str, given: Any = None) -> int:
        """The status of an answer to a program."""
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.address}/api/{path}", json.dumps(given).encode() if given else None, headers)  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browser_started() as found:
        yield found


@pytest.fixture
def site(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    morning(world)
    provider = Provider(PEOPLE)
    with served(provider.app()) as issuer:
        provider.issuer = issuer
        settings = {"BOARD_ISSUER": issuer, "BOARD_CLIENT_ID": CLIENT, "BOARD_SCOPE_PREFIX": "", "BOARD_TOKEN_ORIGIN": "", "BOARD_CLAIM": "groups", "BOARD_PERMISSIONS": json.dumps(PERMISSIONS)}  # fmt: skip
        board = started(monkeypatch, settings)
        board.snapshot()
        with served(api({"Issuer": issuer, "Audience": AUDIENCE})) as address:
            yield Site(address, provider, board)


def signed_in(page: Page, name: str) -> None:
    page.get_by_role("link", name=name).click()
    page.wait_for_selector(".summary, .count, .lead")


def all_asked(page: Page, site: Site) -> int:
    """How many questions the application was asked once the page asks no more of them: what it shows last is asked last."""
    asked = -1
    while asked != len(site.board.asked):
        asked = len(site.board.asked)
        page.wait_for_timeout(2_000)
    return asked


def at_the_door(browser: Browser, site: Site, do: Callable[[Page], None]) -> None:
    """A tab that is sent to the provider first, so that the fixture of other tests, which waits for the board, does not fit."""
    context = browser.new_context(timezone_id="UTC", locale="en-GB", viewport={"width": 1280, "height": 860})
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") and "status of 40" not in message.text else None)  # fmt: skip
    page.goto(f"{site.address}/#/today?domain=risk")
    try:
        page.wait_for_selector("h1:has-text('Who are you?')")
    except NotShownError as error:
        raise AssertionError(f"{page.url} shows {page.locator('body').inner_text()!r}; {complaints}") from error
    do(page)
    context.close()
    assert not complaints


def test_somebody_signs_in_looks_acts_and_signs_out(browser: Browser, site: Site) -> None:
    def story(page: Page) -> None:
        signed_in(page, "Ann")
        assert page.url == f"{site.address}/#/today?domain=risk", (
            "the code is out of the address, and the place is kept"
        )
        assert {each.inner_text() for each in page.locator("tbody th").all()} >= {"risk/limits", "risk/exposure"}
        assert page.locator("header .note").inner_text().startswith("Ann")
        stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert "ey" not in stored, "no token is kept in the browser"
        assert site.board.asked == []
        found = Axe().run(page).response["violations"]
        assert [each["id"] for each in found] == []
        page.goto(f"{site.address}/#/product/risk/exposure")
        page.get_by_role("button", name="Hold", exact=True).click()
        page.wait_for_selector("dialog table")
        page.locator("dialog button.primary").click()
        page.wait_for_selector("dialog", state="detached")
        page.get_by_role("button", name="End the hold").wait_for()
        asked = all_asked(page, site)
        page.wait_for_timeout(6_000)
        assert len(site.board.asked) == asked, "a page that is only looked at asks no application"
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_selector("h1:has-text('You are signed out')")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("h1:has-text('Who are you?')")

    at_the_door(browser, site, story)
    entry = invoke("inquire", {"question": "history", "product": "risk/exposure"})["entries"][-1]
    assert entry["by"].endswith(":Ann (Ann)"), entry


def test_a_run_has_no_logs_here_and_health_says_how_old_the_snapshots_are(browser: Browser, site: Site) -> None:
    """The application is not even asked for what the board knows."""

    def story(page: Page) -> None:
        signed_in(page, "Ann")
        page.goto(f"{site.address}/#/run/risk/limits")
        page.wait_for_selector("#inputs")
        assert page.locator("#logs").count() == 0
        asked = all_asked(page, site)
        page.goto(f"{site.address}/#/catalog")
        page.wait_for_selector("tbody tr .time")
        page.goto(f"{site.address}/#/day")
        page.wait_for_selector("#path")
        assert len(site.board.asked) == asked
        page.goto(f"{site.address}/#/health")
        page.wait_for_selector("section:has(#snapshots) tbody tr")
        assert "as it should be" in page.locator("section:has(#snapshots) tbody").inner_text()

    at_the_door(browser, site, story)


def test_an_action_without_permission_is_refused_in_the_page(browser: Browser, site: Site, world: World) -> None:
    def story(page: Page) -> None:
        page.route("**/api/about", lambda route: route.fulfill(json={"person": "Ben"}))  # the page knows of no limits
        signed_in(page, "Ben")
        page.goto(f"{site.address}/#/product/risk/exposure")
        page.get_by_role("button", name="Hold", exact=True).click()
        page.wait_for_selector("dialog .failure")
        page.unroute("**/api/about")
        page.reload()
        signed_in(page, "Ben")
        page.wait_for_selector("#definition")
        assert page.get_by_role("button", name="Hold", exact=True).count() == 0, "who may not act has no buttons"
        page.goto(f"{site.address}/#/product/core/trades")
        page.wait_for_selector("main .failure")
        assert "you may not see the domain core; you may see risk" in page.locator("main").inner_text()

    at_the_door(browser, site, story)
    assert world.run("risk/exposure", str(DAY))["held"] is False


def test_an_application_in_shadow_says_so_and_shows_what_would_have_run(
    browser: Browser, site: Site, world: World
) -> None:
    world.state.set_mode(True, True, "deployment", NOW)
    site.board.snapshot()

    def story(page: Page) -> None:
        signed_in(page, "Ann")
        banner = page.locator("aside.shadow p")
        assert banner.inner_text().startswith("In shadow since 20 Nov 09:00: nothing is started.")
        assert [each["id"] for each in Axe().run(page).response["violations"]] == []
        assert site.board.asked == [], "the snapshots say so"
        banner.get_by_role("link", name="What would have run, and what did").click()
        page.wait_for_selector("main .empty, main table")
        assert [event["question"] for _, event in site.board.asked] == ["shadow"]

    at_the_door(browser, site, story)


def test_what_the_provider_refuses_is_said_as_text(browser: Browser, site: Site) -> None:
    def story(page: Page) -> None:
        page.get_by_role("link", name="nobody").click()
        page.wait_for_selector("h1:has-text('You are not signed in')")
        assert page.locator("[role=alert]").inner_text() == "The provider says: <b>You</b> are not assigned to this application."  # fmt: skip
        assert "error" not in page.url
        page.goto(f"{site.address}/?code=stolen&state=guessed")
        page.wait_for_selector("h1:has-text('You are not signed in')")
        assert "not to a question of this page" in page.locator("[role=alert]").inner_text()
        assert site.provider.refused == [], "such a code is not even sent"

    at_the_door(browser, site, story)


def test_a_token_that_ends_is_renewed(browser: Browser, site: Site) -> None:
    """By several questions at once, of which one renews: the token of the renewal can be used once."""
    site.provider.seconds = 4

    def story(page: Page) -> None:
        signed_in(page, "Ann")
        page.wait_for_timeout(2_500)
        page.goto(f"{site.address}/#/product/risk/limits")
        page.wait_for_selector("h1:has-text('limits')")
        page.wait_for_selector("#durations, .strip, .causes, .lead")

    at_the_door(browser, site, story)
    assert site.provider.renewed >= 1
    assert site.provider.refused == []


def test_tokens_that_are_not_for_this_are_refused(site: Site) -> None:
    token = site.provider.token
    assert site.ask("status", token("Ann")) == 200
    wrong = {
        "expired": token("Ann", exp=1_700_000_000),
        "not yet valid": token("Ann", nbf=4_000_000_000),
        "of another audience": token("Ann", aud="something-else"),
        "of another client": token("Ann", aud=None, client_id="something-else"),
        "of another issuer": token("Ann", iss="https://login.example.com"),
        "signed by somebody else": token("Ann", rsa.generate_private_key(65537, 2048)),
        "without a signature": token("Ann").rsplit(".", 1)[0] + ".",
        "no token": "x",
    }
    assert {why: site.ask("status", each) for why, each in wrong.items()} == dict.fromkeys(wrong, 401)
    assert site.ask("status", token("Ann", scope="openid")) == 403
    assert site.ask("status", token("Ann", aud=None, client_id=AUDIENCE)) == 200, "as Amazon Cognito's, which have no aud"  # fmt: skip
    hold = {"product": "risk/exposure", "business_date": str(DAY), "preview": True}
    assert site.ask("hold", token("Ann"), hold) == 200
    assert site.ask("hold", token("Ben"), hold) == 403
    assert site.ask("hold", token("Ann"), {**hold, "product": "core/trades"}) == 403
    assert site.ask("hold", token("Ann")) in (400, 404), "nothing is done by GET"
