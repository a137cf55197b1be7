"""What `headgate run` prints at the end, the folder it works in, and how commands end when they are interrupted."""

import fcntl
import os
import sys
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headgate.cli import run_folder
from headgate.cli.commands import down, status
from headgate.cli.commands.run import _position
from headgate.cli.day_report import print_day
from headgate.cli.errors import UsageError
from headgate.cli.findings import print_findings
from headgate.generator.findings import Finding
from headgate.generator.lint.proof import STATELINT
from headgate.generator.output import Generated, OutputError
from headgate.generator.project import Project
from headgate.local.player import Day
from headgate.local.scenario import Expectation, Moment, Scenario
from tests.conftest import Headgate

ZONE = ZoneInfo("America/Chicago")
START = datetime(2026, 11, 20, tzinfo=ZONE)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


SCENARIO = Scenario(
    date(2026, 11, 20), ZONE, START, at(24), moments=(Moment(at(6), note="late"), Moment(at(8), note="later still")),
    expect={"d1/a": Expectation("COMPLETED")},
)  # fmt: skip
REPORT = """\

History (America/Chicago)

05:00:00  raw/x  refreshed for 2026-11-20
06:00:00         # late
07:00:00  d1/a   run opened by scheduler
08:00:00         # later still

Status of 2026-11-20

product  status     attempt  opened  started  ended
d1/a     COMPLETED           07:00

1 COMPLETED
2 messages in dead letter queues
1 incident opened
alert on Slack, #positions: d1/a is late
alert on OpsGenie: d1/a is complete
alert to pager: resolve
alert to pager: d1/b failed

Differences from the scenario:
  d1/a is late
"""


def played(**changes: Any) -> Day:
    products = [
        {"product": "d1/a", "status": "COMPLETED", "opened_at": at(7).isoformat()},
        {"product": "d1/b", "status": "NOT OPENED"},
    ]
    entries: list[dict[str, Any]] = [
        {"at": at(5).isoformat(), "kind": "refreshed", "product": "raw/x", "status": "COMPLETED", "business_date": "2026-11-20"},
        {"at": at(7).isoformat(), "kind": "run", "product": "d1/a", "opened": True, "by": "scheduler", "status": "WAITING"},
    ]  # fmt: skip
    return Day(products, entries, **{"dead_letters": 0, "incidents": [], "alerts": [], **changes})


def test_a_day_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    alerts = [
        {
            "service": "slack",
            "path": "/api/chat.postMessage",
            "body": {"channel": "#positions", "text": "d1/a is late"},
        },
        {"service": "slack", "path": "/api/chat.update", "body": {}},
        {"service": "opsgenie", "path": "/v2/alerts", "body": {"note": "d1/a is complete"}},
        {"service": "pager", "path": "v2/enqueue", "body": {"event_action": "resolve"}},
        {
            "service": "pager",
            "path": "v2/enqueue",
            "body": {"event_action": "trigger", "payload": {"summary": "d1/b failed"}},
        },
    ]
    day = played(dead_letters=2, incidents=[{}], alerts=alerts, problems=["d1/a is late"])

    print_day(day, SCENARIO, with_history=True)

    assert capsys.readouterr().out == REPORT


def test_an_operation_that_was_refused_is_in_the_history(capsys: pytest.CaptureFixture[str]) -> None:
    refused = {
        "at": at(7).isoformat(),
        "action": "rerun",
        "product": "d1/a",
        "message": "IllegalTransition: d1/a is WAITING",
    }

    print_day(played(refused=[refused]), SCENARIO, with_history=True)

    lines = capsys.readouterr().out.splitlines()
    assert lines[5] == "07:00:00  d1/a   rerun refused: IllegalTransition: d1/a is WAITING"


def test_a_good_day_has_no_differences(capsys: pytest.CaptureFixture[str]) -> None:
    print_day(played(), SCENARIO, with_history=False)

    printed = capsys.readouterr().out
    assert printed.endswith("The day ended as the scenario expects.\n")
    assert "History" not in printed


def test_the_position_in_a_day_counts_to_the_last_moment_of_its_scenario() -> None:
    assert _position(SCENARIO, at(2)) == ("2026-11-20 02:00", 0.25)
    assert _position(SCENARIO, at(20))[1] == 0.99


def test_the_folder_of_a_run_is_new_or_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    abandoned, used = tmp_path / f"{run_folder.PREFIX}abandoned", tmp_path / f"{run_folder.PREFIX}used"
    for folder in (abandoned, used):
        folder.mkdir()
        (folder / "lock").touch()
    with open(used / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with run_folder.run_folder(None) as folder:
            assert folder.is_dir()
            assert (abandoned.exists(), used.exists()) == (False, True)
    assert not folder.exists()
    with run_folder.run_folder(tmp_path / "kept") as kept:
        (kept / "file").touch()
    with pytest.raises(UsageError, match="the folder is not empty"), run_folder.run_folder(tmp_path / "kept"):
        pass


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [(KeyboardInterrupt(), 130, "headgate down: stopped\n"), (UsageError("no"), 2, "headgate down: no\n")],
)
def test_an_interrupted_command_ends_with_a_message(
    headgate: Headgate, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    def fail(arguments: object) -> int:
        raise error

    monkeypatch.setattr(down, "run", fail)

    assert headgate("down") == (code, message)


def test_a_reader_that_has_ended_is_no_error(headgate: Headgate, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: object) -> int:
        raise BrokenPipeError

    duplicated: list[int] = []
    monkeypatch.setattr(status, "run", fail)
    monkeypatch.setattr(os, "dup2", lambda source, target: duplicated.append(source))
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 99, raising=False)

    assert headgate("status")[0] == 0
    assert len(duplicated) == 1


@pytest.mark.parametrize("name", ["generate", "plan"])
def test_output_that_linters_refuse_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headgate: Headgate, name: str
) -> None:
    finding = Finding(
        STATELINT, Path("products/d1/a.yaml"), "", "a state without a type", "a machine that every linter accepts"
    )
    (tmp_path / "products" / "d1").mkdir(parents=True)
    (tmp_path / "products" / "d1" / "domain.yaml").write_text("owner: a\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Project, "generate", lambda *given: Generated([finding], None, 1))

    code, printed = headgate(name)

    assert code == 1
    assert "found     a state without a type" in printed
    assert '"id": "HG901"' in headgate(name, "--json")[1]

    def fail(*given: object) -> None:
        raise OutputError("statemachines: written by another program")

    monkeypatch.setattr(Project, "generate", fail)
    assert headgate(name) == (2, f"headgate {name}: statemachines: written by another program\n")


def test_a_finding_of_a_file_that_is_gone_has_no_line_of_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    print_findings([Finding(STATELINT, tmp_path / "a.yaml", "/steps", "x", "y", line=3, column=2)])

    assert " | " not in capsys.readouterr().out
