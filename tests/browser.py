"""A real browser for tests of the board: Debian's chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

# The shell draws and runs a page as chromium does, without windows around it: half the computing time.
CHROMIUM = next((found for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)  # fmt: skip
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium is installed: apt install chromium-headless-shell"
)


@contextmanager
def started() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, address: str, bypass_csp: bool = False, **options: object) -> Iterator[Callable[[str], Page]]:  # fmt: skip
    """A function that goes to a page of the board, in a tab of its own. Whatever the browser complains about fails the test: an exception, a
    refusal by the policy, a file that is missing."""
    context = browser.new_context(
        **{"viewport": {"width": 1280, "height": 860}, "timezone_id": "UTC", "locale": "en-GB", "bypass_csp": bypass_csp, **options}  # type: ignore[arg-type]
    )  # fmt: skip
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda message: complaints.append(message.text) if _is_complaint(message) else None)
    tab.goto(address)
    tab.wait_for_selector("main h1")
    base = address.split("#")[0]

    def go(path: str) -> Page:
        tab.goto(f"{base}#/{path}")
        tab.wait_for_selector("main h1, main .failure")
        return tab

    yield go
    context.close()
    assert not complaints


def _is_complaint(message: ConsoleMessage) -> bool:
    return message.type in ("error", "warning") and "status of 40" not in message.text


def texts(page: Page, selector: str) -> list[str]:
    """What a reader sees, in one line each."""
    return [" ".join(each.inner_text().split()) for each in page.locator(selector).all()]


def violations(page: Page) -> dict[str, list[str]]:
    """WCAG 2.2 AA, as far as axe can see, in light colours; and what depends on colours in dark ones."""
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    light = Axe().run(page, options={"runOnly": rules}).response["violations"]
    page.emulate_media(color_scheme="dark")
    dark = Axe().run(page, options={"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}})
    page.emulate_media(color_scheme="light")
    found = [*light, *({**each, "id": f"{each['id']} in the dark"} for each in dark.response["violations"])]
    return {each["id"]: [node["html"][:200] for node in each["nodes"]][:3] for each in found}
