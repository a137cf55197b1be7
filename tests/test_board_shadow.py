"""The board of an application in shadow says on every page that it starts nothing: alone, beside one that acts, and hosted."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("playwright")

import runtime
from headgate.board.api import Application, Board
from headgate.local.postgres import Postgres
from tests.board_world import NOW, InProcess, serving
from tests.browser import needs_chromium, opened, started, texts, violations
from tests.fake_aws import FakeAws
from tests.shadow_steps import enter, watched
from tests.state_steps import DAY, LOADED
from tests.state_steps import opened as open_runs
from tests.state_world import World, external, new_world
from tests.test_shadow_report import day as day

pytestmark = [needs_chromium, pytest.mark.slow]
PAGES = (
    "today",
    "product/d1/a",
    "run/d1/a",
    "day",
    "mesh",
    "files",
    "alerts",
    "changes",
    "health",
    "catalog",
    "shadow",
)
SAID = "{} since 20 Nov 00:00: nothing is started. Another scheduler runs the products, and its runs are recorded here. What would have run, and what did"
_one_at_a_time = threading.Lock()


@dataclass
class OfItsOwn(InProcess):
    """The functions of an account with a state of its own."""

    world: World

    def _called(self, call: Callable[[], Any]) -> Any:
        with _one_at_a_time, pytest.MonkeyPatch.context() as patch:
            patch.setattr(runtime, "state", lambda: self.world.state)
            return super()._called(call)


@contextlib.contextmanager
def application(postgres: Postgres, name: str, domain: str, shadow: bool) -> Iterator[Application]:
    with new_world(postgres) as world:
        if shadow:
            enter(world)
        world.load({"raw/one": external(), f"{domain}/a": watched("a", "raw/one")}, LOADED)
        open_runs(world)
        world.event("raw/one", str(DAY), NOW)
        yield OfItsOwn(name, world)


def test_every_page_says_that_nothing_is_started(postgres: Postgres, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    with (
        application(postgres, "beside", "d1", shadow=True) as shadow,
        application(postgres, "acting", "d2", shadow=False) as acting,
        started() as browser,
    ):
        with serving(Board([shadow])) as address, opened(browser, address, bypass_csp=True) as go:
            for path in PAGES:
                page = go(path)
                assert texts(page, ".shadow p") == [SAID.format("In shadow")], path
            assert violations(page) == {}
            go("product/d1/a").wait_for_selector(".facts")
            assert texts(page, ".lead") == ["On Friday, 20 November 2026: would have been started at 09:00."]
            assert "In shadow Headgate decides, and another scheduler does the work" in texts(page, ".facts > div")
            page.get_by_role("link", name="What would have run").click()
            page.wait_for_selector("tbody tr")
            assert texts(page, ".summary") == ["1 product: 1 not started by the other scheduler."]
            assert violations(page) == {}
        with serving(Board([acting, shadow])) as address, opened(browser, address) as go:
            for path in PAGES[:2]:
                page = go(path)
                assert texts(page, ".shadow p") == [SAID.format("beside is in shadow")], path
        with serving(Board([acting])) as address, opened(browser, address) as go:
            assert texts(go(f"today?date={DAY}"), ".shadow p") == []


def test_the_report_says_what_would_have_run_and_what_did(day: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with started() as browser, serving(Board([InProcess("local")])) as address, opened(browser, address) as go:
        page = go(f"shadow?date={DAY}")
        page.wait_for_selector("tbody tr")
        assert texts(page, ".summary") == [
            "5 products: 1 without its inputs, 1 not started by Headgate, 1 not started by the other scheduler, 1 later than possible (1 h 40 min in all), 1 the same."
        ]
        assert texts(page, "tbody tr") == [
            "d1/early without its inputs 06:40 06:05 to 06:15 it started without raw/b, which came at 06:40 (there was that of 2026-11-19)",
            "d1/undecided not started by Headgate 06:50 to 07:00 Headgate waits for raw/never, which has not come",
            "d1/absent not started by the other scheduler 06:20",
            "d1/late later than possible 06:20 08:00 to 08:15 1 h 40 min later than its inputs were there",
            "d1/right the same 06:20 06:22 to 06:30",
        ]
        page.get_by_role("button", name="The day after").click()
        page.wait_for_selector(".empty")
