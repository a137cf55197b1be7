"""`headgate status` with when products are expected, and what is at risk, opened or not; of a running state."""

import re
import time
from typing import Any

import pytest

import inquire
import runtime
from headgate.cli import application
from tests.conftest import Headgate
from tests.golden import FOLDER, expect
from tests.state_steps import TODAY, uuid
from tests.state_world import World, at
from tests.test_risk_before_opening import later as later


class InProcess:
    """The application, asked in this process."""

    name = "the application"

    def call(self, output: str, given: dict[str, Any]) -> Any:
        return inquire.handler(given, None)


@pytest.fixture
def seven(later: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Seven o'clock: raw/b, which usually comes at 6:00, has come at 6:30, and d/early runs since then. d/y opens at 7:30 and is due at 8:00."""
    later.event("raw/b", TODAY, at(f"{TODAY} 06:30"))
    for name in ("d/early", "d/z"):
        later.state.begin_pipeline(uuid(later, name), 1, "arn", at(f"{TODAY} 06:31"))
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 07:00"))
    monkeypatch.setattr(application, "application", lambda arguments: InProcess())
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return later


def test_status_says_when_products_are_expected_and_what_is_at_risk(seven: World, headgate: Headgate) -> None:
    shown = []
    for options in (
        (),
        ("--status", "at-risk"),
        ("--status", "at-risk", "--json"),
        ("--status", "processing", "--json"),
    ):
        code, text = headgate("status", "--date", TODAY, *options)
        assert code == 0
        shown.append(f"$ headgate {' '.join(('status', *options))}\n{text}")
    ids = {str(uuid(seven, name)): f"the run of {name}" for name in ("d/early", "d/z")}
    text = "\n".join(shown)
    for each, name in ids.items():
        text = text.replace(each, name)
    text = re.sub(r'"position": ".*"', '"position": "the position"', text)
    expect(FOLDER / "messages" / "status_expected.txt", text.encode())
