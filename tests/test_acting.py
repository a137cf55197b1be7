"""What a user sees who acts on runs: the real functions on real PostgreSQL behind the command line."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest

import inquire
import operate
import runtime
from headgate.cli import application, formatting
from headgate.cli import operate as cli_operate
from headgate.cli.commands import event
from state.errors import StateError
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.golden import FOLDER, expect
from tests.state_steps import LOADED
from tests.state_world import World, at, daily, external, product

HANDLERS = {"OperateFunctionName": operate.handler, "InquireFunctionName": inquire.handler}
WEEKDAYS = {**daily("06:00"), "calendar": "banks"}


class Deployed:
    """An application of the real functions; what they raise arrives as it does from Lambda."""

    name, outputs = "the application", {"CentralEventBusArn": "arn:bus", **dict.fromkeys(HANDLERS, "function")}

    def call(self, output: str, given: dict[str, Any]) -> Any:
        try:
            return HANDLERS[output](given, None)
        except (StateError, ValueError) as error:
            raise application._error({"errorType": type(error).__name__, "errorMessage": str(error)}) from None

    def client(self, service: str) -> "Deployed":
        return self

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as in boto3
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "one"}]}


@pytest.fixture
def saturday(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> World:
    """Products that open on weekdays, and a Saturday on which nothing is open yet."""
    products = {
        "raw/in": external(),
        "d1/a": product("raw/in", name="a", schedule=WEEKDAYS),
        "d1/b": product("d1/a", name="b", schedule=WEEKDAYS),
        "d1/often": product("raw/in", name="often", schedule=daily("08:00", "14:30")),
        "d2/after": product("d1/b", name="after", schedule=None),
    }
    world.load(products, LOADED, {"banks": {"weekend": [6, 7], "dates": []}})
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-21 09:00"))
    for module in (cli_operate, application, event):
        monkeypatch.setattr(module, "application", lambda arguments: Deployed())
    monkeypatch.setattr(cli_operate, "actor", lambda: "ann")
    monkeypatch.setattr(formatting.Clock, "__init__", _in_utc(formatting.Clock.__init__))
    return world


def _in_utc(made: Callable[..., None]) -> Callable[..., None]:
    return lambda clock, zone, date: made(clock, UTC, date)


ACTS = [
    "backfill d1/a",
    "backfill d1/a",
    "backfill d1/a --date 2026-11-14",
    "backfill raw/in",
    "backfill d2",
    "backfill d2/after",
    "backfill d1/nothing",
    "backfill d1/nothing --date 2026-11-20",
    "backfill d1/a --date 2026-10-01 --until 2026-11-20",
    "backfill d1 --date 2026-11-09 --until 2026-11-20 --json",
    "backfill d1/a --date 2026-11-16 --until 2026-11-20",
    "hold d1/a",
    "hold d1/a",
    "hold d1/a --date 2026-11-19",
    "why d1/a --date 2026-11-19",
    "release d1/a",
    "release d1/a",
    "release d1/a --date 2026-11-19",
    "hold d1/a --date 2026-11-16 --until 2026-11-20",
    "hold d1/a --date 2026-11-16 --until 2026-11-20",
    "release d1/a --date 2026-11-16 --until 2026-11-20",
    "skip d1/a --date 2026-11-16 --until 2026-11-18",
    "skip d1/a",
    "skip d1/a",
    "skip d1/b",
    "rerun d1/a --date 2026-11-16 --until 2026-11-20",
    "rerun d1/a --date 2026-11-16 --until 2026-11-17 --json",
    "rerun d1/a",
    "rerun d1/a --date 2026-11-31 --json",
    "event raw/in",
    "event raw/nothing",
    "event raw/in --date 2027-12-01 --json",
    "event d1/often --cycle 0900",
    "event d1/b",
    "cancel d1/a --dry-run",
    "cancel d1/a --reason wrong-file",
    "cancel d1/a",
    "why d1/a",
    "hold d1/a --dry-run",
    "cancel d1/a --date 2026-11-16 --until 2026-11-18 --dry-run",
    "cancel d1/a --date 2026-11-16 --until 2026-11-18 --expect 00000000000000000000000000000000",
    "rerun d1/a --dry-run",
    "rerun d1/a --dry-run --json",
    "rerun d1/a --expect 00000000000000000000000000000000",
    "cancel d1/a --date 2026-11-16 --until 2026-11-18",
    "waive d1/b raw/in --date 2026-11-20 --reason late",
    "waive d1/b d1/a --date 2026-11-20",
    "backfill d1/b --date 2026-11-20",
    "waive d1/b raw/in --date 2026-11-20 --reason late",
    "waive d1/b d1/a --date 2026-11-20 --reason late --dry-run",
    "waive d1/b d1/a --date 2026-11-20 --reason late",
    "waive d1/b d1/a --date 2026-11-20 --undo",
    "why d1/b --date 2026-11-20",
    "history d1/b --date 2026-11-20",
    "backfill d1 --date 2026-10-05 --until 2026-10-09 --at-once 3 --dry-run",
    "backfill d1 --date 2026-10-05 --until 2026-10-09 --at-once 3",
    "backfill d1 --date 2026-10-05 --until 2026-10-09 --at-once 3 --yes",
    "backfill d1/a --date 2026-10-05 --until 2026-10-09 --at-once 3 --json",
    "backfill --list",
    "backfill --stop 3 --dry-run",
    "backfill --stop 3",
    "backfill --stop 3",
    "backfill --list",
    "backfill d1/a --list",
    "backfill",
    "backfill d1/a --date 2026-10-03 --at-once 3",
    "backfill d1/a --date 2026-10-05 --until 2026-11-09 --expect 00000000000000000000000000000000",
    "history d1/a --date 2026-11-19 --until 2026-11-21",
]


def test_what_users_see_who_act_on_runs(saturday: World, headgate: Headgate, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []
    for act in ACTS:
        code, printed = headgate(*act.split())
        parts.append(f"$ headgate {act}\n{printed}" + (f"(exit code {code})\n" if code else ""))
    expect(FOLDER / "messages" / "acting.txt", "\n".join(parts).encode())
