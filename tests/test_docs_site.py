"""The documentation as a site: it builds without a warning, needs no other host, and shows what a forge shows."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser

from headgate.board.vendor import digest
from tests.browser import needs_chromium, started
from tests.local_application import ROOT
from website.hooks import MARKDOWN, decisions, place, relinked

CONFIG = ROOT / "website" / "mkdocs.yml"
VENDOR = ROOT / "website" / "theme" / "assets" / "vendor"
SOURCES = [*MARKDOWN, *(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]
ELEMENTS = ("h2", "h3", "li", "tr", "pre")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make docs` builds it: a page that is in no menu, a link or an anchor that leads nowhere is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", str(CONFIG), "-d", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def html_of(site: Path, source: str) -> str:
    return (site / place(source)).with_suffix(".html").read_text("utf-8")


def counted(html: str) -> dict[str, int]:
    return {name: len(re.findall(rf"<{name}[ >]", html)) for name in ELEMENTS}


@pytest.mark.slow
def test_every_page_shows_what_a_forge_shows(site: Path) -> None:
    """A forge reads CommonMark, the site another dialect of Markdown."""
    forge = MarkdownIt("commonmark").enable("table")
    for source in SOURCES:
        article = html_of(site, source).split("<article", 1)[1].split("</article>", 1)[0]
        assert counted(article) == counted(forge.render((ROOT / source).read_text("utf-8"))), source


@pytest.mark.slow
def test_every_decision_is_in_the_menu(site: Path) -> None:
    home = html_of(site, "README.md")
    assert decisions()
    for path in decisions():
        assert f'href="decisions/{path.stem}.html"' in home, path.name


@pytest.mark.slow
def test_no_page_asks_another_host(site: Path) -> None:
    for path in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|iframe)[^>]* src=\"?([^\">\s]+)|<link[^>]* href=\"?([^\">\s]+)", path.read_text("utf-8"))  # fmt: skip
        assert loaded
        assert not [each for each in loaded if "//" in "".join(each)], path


def test_what_pages_load_are_the_published_files() -> None:
    pins = json.loads((ROOT / "website" / "vendor.json").read_text("utf-8"))
    assert {each["file"] for each in pins} == {path.name for path in VENDOR.glob("*.js")}
    for pin in pins:
        assert digest((VENDOR / pin["file"]).read_bytes()) == pin["integrity"]
        assert (VENDOR / f"{pin['file']}.license").read_text("utf-8").strip()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@needs_chromium
@pytest.mark.slow
def test_diagrams_are_drawn_and_the_search_finds_without_a_network(site: Path, browser: Browser) -> None:
    """Pages are opened as files, in the dark scheme."""
    context = browser.new_context(color_scheme="dark")
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto((site / "concepts.html").as_uri())
    page.wait_for_selector(
        "div.mermaid", timeout=60_000
    )  # the theme puts it in the place of the text, when it is drawn
    assert page.evaluate("document.querySelector('div.mermaid').getBoundingClientRect().height") > 200
    assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"
    page.fill("input[name=query]", "waiver")
    page.wait_for_selector(".md-search-result__link[href*='glossary']", state="attached", timeout=60_000)
    context.close()
    assert [each for each in asked if not each.startswith(("file:", "data:", "blob:"))] == []


def test_links_lead_from_page_to_page() -> None:
    text = "[a](docs/files.md#sweeps) [b](CONTRIBUTING.md) [c](https://x.org) [d](#here) [e](docs/decisions/)\n```\n[f](docs/files.md)\n```"  # fmt: skip
    assert relinked(text, "README.md") == (
        "[a](files.md#sweeps) [b](contributing.md) [c](https://x.org) [d](#here) [e](decisions/index.md)\n```\n[f](docs/files.md)\n```"
    )
    assert relinked("[a](../../CHANGELOG.md) [b](../faq.md)", "docs/how-to/upgrade.md") == "[a](../changelog.md) [b](../faq.md)"  # fmt: skip
    assert relinked("[a](../jobs/examples/load_python.py)", "docs/files.md") == "[a](code/jobs/examples/load_python.py.md)"  # fmt: skip
