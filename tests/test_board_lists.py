"""The lists of the board, over answers in which everything occurs: alerts, health, changes, files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser

from headgate.board.api import Board
from tests.board_world import serving
from tests.browser import needs_chromium, opened, started, texts
from tests.test_board_server import STATUS, Fake

pytestmark = [needs_chromium, pytest.mark.slow]
NOW = "2026-11-20T09:00:00+00:00"
ALERT = {
    "product": "d1/a",
    "kind": "ERROR",
    "channel": "slack",
    "target": "#ops",
    "attempt": 1,
    "at": "2026-11-20T07:41:00+00:00",
    "tries": 0,
}
ANSWERS: dict[str, Any] = {
    "status": STATUS,
    "about": {"applications": ["orders"]},
    "forecast": {"products": []},
    "mesh": {"digest": "d", "products": {"rows": 0, "columns": {}}, "others": [], "dependencies": {"to": [], "from": [], "leaf": [], "any": []}},
    "alerts": {
        "business_date": "2026-11-20", "more": False,
        "muted": [{"muted": "d2", "until": "2026-11-20T12:00:00+00:00", "by": "ann", "reason": "we move"}],
        "alerts": [
            {**ALERT, "key": "1", "state": "SENT", "action": "trigger", "covers": 3},
            {**ALERT, "key": "2", "state": "SUPPRESSED", "root": "raw/in", "outcome": "one message for all that wait for raw/in"},
            {**ALERT, "key": "3", "state": "DUE", "tries": 2, "outcome": "503 Service Unavailable", "step": "build"},
            {**ALERT, "key": "4", "state": "UNKNOWN", "attempt": 2, "outcome": "it is not known whether this was delivered"},
        ],
    },
    "health": {
        "asked_at": NOW, "more": False, "dead_letters": [{"queue": "orders-events-dlq", "messages": 2}, {"queue": "orders-jobs-dlq", "reason": "AccessDenied"}],
        "outbox": {"due": 3, "oldest_due": "2026-11-20T08:00:00+00:00", "failing": 1, "last_failure": "throttled", "parked": 1},
        "parked": [{"key": "7", "effect": 7, "kind": "put_event", "product": "d1/a", "business_date": "2026-11-20", "tries": 12, "failing_since": "2026-11-20T06:00:00+00:00", "reason": "the bus does not exist"}],
        "products": [{"product": "d1/b", "not_opened": "no calendar"}, {"product": "d1/c", "passed_over": {"count": 4, "first": "2026-11-10", "last": "2026-11-13"}}],
    },
    "changes": {
        "asked_at": NOW, "more": False,
        "changes": [
            {"key": "1", "loaded_at": NOW, "commit": "0123456789abcdef", "by": "ann", "name": "d1/a", "kind": "changed", "before": {"wait": {"deadline": 1, "on_deadline": "fail"}, "owner": "a"}, "after": {"wait": {"deadline": 2, "on_deadline": "fail"}, "owner": "b"}},
            {"key": "2", "loaded_at": NOW, "commit": "0123456789abcdef", "by": "ann", "name": "calendars/us-banking", "kind": "changed", "too_large": True},
            {"key": "3", "loaded_at": NOW, "commit": "0123456789abcdef", "by": "ann", "name": "d1/new", "kind": "added", "after": {}},
        ],
    },
    "files": {
        "asked_at": NOW, "more": False,
        "files": [
            {"file": 2, "key": "2", "name": "in/<img src=x onerror=alert(1)>.csv", "status": "UNMATCHED", "size": 1200, "received_at": NOW},
            {"file": 1, "key": "1", "name": "in/a.csv", "product": "d1/a", "business_date": "2026-11-20", "status": "REJECTED", "reason": "smaller than 1 byte", "size": 0, "received_at": NOW},
        ],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(Board([Fake("orders", ANSWERS)])) as found:
        yield found


def test_alerts_say_what_became_of_each(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("alerts")
        page.wait_for_selector("tbody tr")
        assert texts(page, "section li") == ["d2 until 12:00, by ann: we move"]
        assert texts(page, "tbody tr") == [
            "07:41 d1/a error slack #ops sent trigger, 3 runs in it",
            "07:41 d1/a error slack #ops not sent one message for all that wait for raw/in raw/in",
            "07:41 d1/a error of build slack #ops due tried 2 times: 503 Service Unavailable",
            "07:41 d1/a error, attempt 2 slack #ops in doubt it is not known whether this was delivered",
        ]


def test_health_says_what_needs_an_operator(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("health")
        page.wait_for_selector(".facts")
        assert texts(page, ".facts > div") == [
            "To be performed 3, the oldest for 1 h",
            "Tried again 1: throttled",
            "Given up 1",
            "orders-events-dlq 2 dead letters",
            "orders-jobs-dlq AccessDenied",
        ]
        assert texts(page, "tbody tr") == [
            "7 event d1/a 2026-11-20 06:00 12 the bus does not exist",
            "d1/b its runs could not be opened: no calendar",
            "d1/c 4 openings were not made (2026-11-10 to 2026-11-13): the scheduler was away for more than three days",
        ]


def test_health_says_which_signals_refreshed_nothing(browser: Browser) -> None:
    signal = {"key": "1", "kind": "object", "subject": "vendor-drop", "product": "raw/orders", "refused": False, "reason": "nothing in it matches the pattern of the product", "example": "<b>.csv", "first_at": NOW, "last_at": NOW}  # fmt: skip
    refused = {**signal, "key": "2", "refused": True, "reason": "2026-13-01 is no date"}
    of_none = {"key": "3", "kind": "table", "subject": "sales.orders", "refused": False, "reason": "no product names it", "first_at": NOW, "last_at": NOW}  # fmt: skip
    quiet = {**ANSWERS["health"], "dead_letters": [], "outbox": {"due": 0, "parked": 0}, "parked": [], "products": []}
    fake = Fake("orders", ANSWERS | {"health": {**quiet, "signals": [refused, signal, of_none]}})
    with serving(Board([fake])) as address, opened(browser, address) as go:
        page = go("health")
        page.wait_for_selector("section:has(#signals) tbody tr")
        assert texts(page, "section:has(#signals) tbody tr") == [
            "09:00 object vendor-drop raw/orders refused: 2026-13-01 is no date <b>.csv",
            "09:00 object vendor-drop raw/orders nothing in it matches the pattern of the product <b>.csv",
            "09:00 table sales.orders of no product no product names it",
        ]
        assert page.locator(".empty").count() == 0, "a refused signal is not well"
        fake.answers["health"] = {**quiet, "signals": [signal, of_none]}
        page.wait_for_selector(".empty .title", timeout=20_000)


def test_a_product_says_which_signal_refreshes_it(browser: Browser) -> None:
    heard = [
        {"business_date": "2026-11-20", "status": "COMPLETED", "attempt": 1, "received_at": NOW, "occurred_at": NOW, "said": "a run of dbt/sales.orders"},
        {"business_date": "2026-11-20", "status": "ERROR", "received_at": NOW, "occurred_at": NOW, "said": "a run of dbt/sales.orders"},
    ]  # fmt: skip
    run = {"product": "raw/orders", "status": "EXTERNAL", "signals": {"kind": "openlineage", "subject": "snowflake://acme sales.orders", "heard": heard}}  # fmt: skip
    answers = {
        "why": {"business_date": "2026-11-20", "asked_at": NOW, "run": run},
        "runs": {"business_date": "2026-11-20", "until": "2026-11-20", "runs": []},
    }
    with serving(Board([Fake("orders", ANSWERS | answers)])) as address, opened(browser, address) as go:
        page = go("product/raw/orders")
        page.wait_for_selector("#signals")
        assert texts(page, "#signals + p") == ["It is refreshed by openlineage snowflake://acme sales.orders."]
        assert texts(page, "section:has(#signals) tbody tr") == [
            "09:00 2026-11-20 done a run of dbt/sales.orders",
            "09:00 2026-11-20 failed a run of dbt/sales.orders older than what was known",
        ]


def test_changes_say_where(browser: Browser, address: str) -> None:
    with opened(browser, address) as go:
        page = go("changes")
        page.wait_for_selector("tbody tr")
        assert texts(page, "tbody tr") == [
            "09:00 d1/a changed wait.deadline, owner 0123456789ab ann",
            "09:00 calendar us-banking changed the difference was not kept 0123456789ab ann",
            "09:00 d1/new added 0123456789ab ann",
        ]


@dataclass
class Listening(Fake):
    """Keeps what it was asked."""

    heard: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        self.heard.append(event)
        return super().ask(event)

    def last(self, question: str) -> dict[str, Any]:
        return next(each for each in reversed(self.heard) if each["question"] == question)


def test_the_date_acts_where_it_is_shown(browser: Browser) -> None:
    """Files of that date, or those without one; changes until then; and no date on a page that is about none."""
    fake = Listening("orders", ANSWERS)
    with serving(Board([fake])) as address, opened(browser, address) as go:
        page = go("files")
        page.wait_for_selector("tbody tr")
        assert fake.last("files") == {"question": "files", "business_date": "2026-11-20"}
        with page.expect_response("**/api/files*UNMATCHED*"):
            page.get_by_role("button", name="show these").click()
        page.wait_for_selector("button:has-text('show these')", state="detached")
        assert fake.last("files") == {"question": "files", "status": "UNMATCHED"}
        page = go("changes")
        page.wait_for_selector("tbody tr")
        assert fake.last("changes") == {"question": "changes"}, "the latest, if nobody has chosen a date"
        with page.expect_response("**/api/changes*"):
            page.get_by_role("button", name="The day before").click()
        page.wait_for_selector(".empty")
        assert fake.last("changes") == {"question": "changes", "until": "2026-11-20"}, (
            "the day of the reader may end later than that of the server"
        )
        assert texts(page, ".head p") == ["deployed until Thursday, 19 November 2026"]
        page = go("health")
        page.wait_for_selector(".facts")
        assert page.get_by_label("Business date").count() == 0


def test_names_of_files_are_text(browser: Browser, address: str) -> None:
    """A third party chooses them."""
    with opened(browser, address) as go:
        page = go("files")
        page.wait_for_selector("tbody tr")
        assert texts(page, "tbody tr") == [
            "09:00 in/<img src=x onerror=alert(1)>.csv 2 of no product 1,200 unmatched",
            "09:00 in/a.csv 1 d1/a 2026-11-20 0 rejected smaller than 1 byte",
        ]


def test_what_the_jobs_of_a_run_logged_is_shown_when_it_is_asked_for(browser: Browser) -> None:
    job = {
        "step": "build",
        "type": "glue",
        "job": "d1-a",
        "job_run_id": "jr_1",
        "attempt": 1,
        "state": "FAILED",
        "started_at": NOW,
        "ended_at": NOW,
        "link": "https://console.example/jr_1",
    }
    lines = [{"at": "2026-11-20T08:00:01+00:00", "text": "reading <b>3</b> files"}, {"text": "no space"}]
    answers = {
        "history": {"business_date": "2026-11-20", "asked_at": NOW, "entries": [], "more": False},
        "why": {"business_date": "2026-11-20", "asked_at": NOW, "run": {"product": "d1/a", "run_id": "1", "status": "ERROR", "link": "https://console.example/e", "jobs": [job]}},
        "logs": {"business_date": "2026-11-20", "job_runs": [{**job, "status": "FAILED", "places": [{"place": "/aws-glue/jobs/output jr_1", "lines": lines}, {"place": "Glue", "lines": [], "problem": "no permission"}]}]},
    }  # fmt: skip
    fake = Fake("orders", ANSWERS | answers)
    with serving(Board([fake])) as address, opened(browser, address) as go:
        page = go("run/d1/a")
        page.get_by_role("button", name="Show the last lines").click()
        page.wait_for_selector("section:has(#logs) pre")
        assert page.locator("section:has(#logs) pre").inner_text() == "08:00:01 reading <b>3</b> files\nno space"
        assert texts(page, "section:has(#logs) .note") == [
            "jr_1", "/aws-glue/jobs/output jr_1", "Glue: no permission", "The same in a terminal: headgate logs d1/a --date 2026-11-20",
        ]  # fmt: skip
        links = [each.get_attribute("href") for each in page.locator("main a[target=_blank]").all()]
        assert links == ["https://console.example/e", "https://console.example/jr_1"]
