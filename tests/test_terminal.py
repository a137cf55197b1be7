"""What a user sees at a terminal: colour, lines and tables that fit its width, and progress; and that pipes get plain lines."""

import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from headgate.cli import durations as durations_module
from headgate.cli import explain, formatting, progress, status_rows, terminal
from headgate.cli.day_report import print_status
from headgate.cli.progress import Progress, Stages
from tests.conftest import Headgate
from tests.golden import FOLDER, expect

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
DATE = "2026-11-20"
ARN = "arn:aws:states:eu-west-1:222222222222:execution:headgate-machine-with-a-long-name:run-2026-11-20-1"
PRODUCTS: list[dict[str, Any]] = [
    {
        "product": "marketplace/pipeline-x-fallback", "status": "WAITING", "attempt": 1, "opened_at": f"{DATE}T06:00:00Z", "late": True,
        "due_at": f"{DATE}T08:00:00Z", "missing": ["raw/listings", "raw/another-product", "d1/ds3"],
    },
    {
        "product": "d1/ds1", "status": "COMPLETED", "attempt": 2, "opened_at": f"{DATE}T06:00:00Z", "started_at": f"{DATE}T06:10:00Z",
        "finished_at": "2026-11-21T00:04:00Z",
    },
    {"product": "d1/ds2", "status": "ERROR", "attempt": 1, "opened_at": f"{DATE}T06:00:00Z", "error": "JobFailed"},
    {"product": "raw/rd1", "status": "EXPECTED", "usually_at": f"{DATE}T04:10:00Z"},
]  # fmt: skip
ENTRIES: list[dict[str, Any]] = [
    {"at": f"{DATE}T06:00:00Z", "kind": "run", "product": "d1/ds1", "opened": True, "by": "scheduler", "status": "WAITING"},
    {
        "at": f"{DATE}T06:10:00Z", "kind": "job ended", "product": "marketplace/pipeline-x-fallback", "step": "build", "job": "export-listings",
        "status": "FAILED", "cause": "ConnectionError: the database refused the connection after thirty attempts",
    },
]  # fmt: skip
RUN: dict[str, Any] = {
    "product": "d1/ds2", "business_date": DATE, "status": "WAITING", "description": "Positions by account", "owner": "ann", "email": "ann@example.com",
    "opened_at": f"{DATE}T06:00:00Z", "deadline_at": f"{DATE}T10:00:00Z", "on_deadline": "fail", "execution_arn": ARN, "held": "run", "held_by": "bob",
    "missing": [
        {
            "product": "d1/ds1", "business_date": DATE, "status": ["COMPLETED"],
            "upstream": {"status": "ERROR", "since": f"{DATE}T08:00:00Z", "owner": "team", "error": "JobFailed", "cause": "an executor was lost"},
        }
    ],
}  # fmt: skip


class Terminal(io.StringIO):
    """A stream that says of itself that a terminal reads it."""

    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        return ESCAPES.sub("", self.getvalue())


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Terminal]:
    """Makes standard output and standard error a terminal of that width."""

    def make(width: int, **variables: str) -> Terminal:
        for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm-256color", "COLUMNS": str(width), **variables}.items():
            monkeypatch.setenv(name, value)
        stream = Terminal()
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return make


def show_everything() -> None:
    clock = formatting.Clock(UTC, DATE)
    print_status(PRODUCTS, clock)
    terminal.line()
    terminal.table(formatting.history(ENTRIES, clock))
    terminal.line()
    for line in explain.explained(RUN, clock):
        terminal.line(line)


def test_everything_fits_the_width_of_the_terminal(screen: Callable[..., Terminal]) -> None:
    shown = []
    for width in (60, 80, 120):
        stream = screen(width)
        show_everything()
        shown.append(f"=== {width} columns\n{stream.text}")
        for line in stream.text.splitlines():
            assert len(line) <= width or len(line.split()) == 1, "only what cannot be divided is longer"
        assert ARN in stream.text
    expect(FOLDER / "messages" / "terminal.txt", "\n".join(shown).encode())


def test_statuses_and_commands_have_colours(screen: Callable[..., Terminal]) -> None:
    stream = screen(120)
    show_everything()

    for text in (
        "\x1b[33mWAITING",
        "\x1b[32mCOMPLETED",
        "\x1b[1;31mLATE",
        f"\x1b[1m`headgate release d1/ds2 --date {DATE}`",
    ):
        assert text in stream.getvalue()


def test_no_color_leaves_no_colour(screen: Callable[..., Terminal]) -> None:
    stream = screen(120, NO_COLOR="1")
    show_everything()

    assert set(re.findall(r"\x1b\[([0-9;]*)m", stream.getvalue())) <= {"0", "1", "2"}


@pytest.mark.parametrize("kind", ["a pipe", "TERM=dumb"])
def test_elsewhere_lines_are_plain(screen: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    stream: io.StringIO = screen(60, TERM="dumb")
    if kind == "a pipe":
        screen(60)
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
    show_everything()
    lines = stream.getvalue().splitlines()

    assert "\x1b" not in stream.getvalue()
    assert lines[:5] == list(terminal.columns(status_rows.status(PRODUCTS, formatting.Clock(UTC, DATE))))
    assert max(map(len, lines)) > 100, "nothing is cut or wrapped"


def test_findings_at_a_terminal(
    screen: Callable[..., Terminal], project: Callable[[str], Path], headgate: Headgate
) -> None:
    from headgate.cli.main import main

    keys = ", ".join(f"key-number-{number}: {number}" for number in range(6))
    project(
        f"--- d1/domain.yaml\nowner: a\n--- d1/ds1.yaml\ndescription: x\nwait: {{deadline: 1h, {keys}, colour: red}}\n"
    )
    stream = screen(60)

    assert main(["validate"]) == 1

    assert "\x1b[1;31merror HG105" in stream.getvalue()
    lines = stream.text.splitlines()
    source, marker = next(
        (lines[at], lines[at + 1]) for at, line in enumerate(lines) if "colour: red" in line and " | " in line
    )
    assert source[marker.index("^") :].startswith("colour"), (
        "the mark is below the place, in a line that was cut to fit"
    )
    assert max(map(len, lines)) <= 60


def test_a_message_at_the_end(screen: Callable[..., Terminal]) -> None:
    stream = screen(60)
    terminal.error("up", "nothing is where it should be, which takes more than one line to say")

    assert stream.getvalue().startswith("\x1b[1;31mheadgate up:\x1b[0m nothing")
    assert len(stream.text.splitlines()) == 2


def test_progress_counts_and_estimates(
    screen: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    durations = tmp_path / "durations.json"
    durations.write_text('{"linting templates": 100.0}')
    monkeypatch.setattr(progress, "DELAY", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    monkeypatch.setattr(durations_module, "MIN_SECONDS", 0.0)
    stream = screen(80)
    with Progress(durations=durations) as shown:
        for number in range(40):
            shown("generating machines", number, 40)
            time.sleep(0.01)
        shown("linting templates", 1, 2)
        time.sleep(0.2)

    assert re.search(r"generating machines .* [1-9]\d* of 40 +0:00:0\d left", stream.text)
    assert re.search(r"linting templates .* 1 of 2 +0:01:39 left", stream.text), "100 seconds the last time"
    assert json.loads(durations.read_text())["generating machines"] < 60
    assert stream.getvalue().endswith(("\x1b[2K", "\x1b[?25h", "\x1b[1A\x1b[2K")), "nothing stays on the screen"


def test_progress_is_for_long_work_at_a_terminal_only(
    screen: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stream = screen(80)
    monkeypatch.chdir(tmp_path)
    with Progress() as short:
        short("reading metadata", 1, 2)
    with Progress(quiet=True) as quiet:
        monkeypatch.setattr(progress, "DELAY", 0.0)
        quiet("reading metadata", 1, 2)
    monkeypatch.setattr(sys, "stderr", pipe := io.StringIO())
    with Progress() as elsewhere:
        elsewhere("reading metadata", 1, 2)

    assert (stream.getvalue(), pipe.getvalue()) == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_stages_estimate_from_the_last_time(screen: Callable[..., Terminal], tmp_path: Path) -> None:
    durations = tmp_path / "durations.json"
    durations.write_text(json.dumps({"sam deploy": 100.0}))
    stream = screen(80)
    with Stages(durations=durations) as stages:
        stages("sam deploy")
        time.sleep(0.7)
        stages("playing the day", "play day.yaml")
        stages.at("2026-11-20 12:00", 0.5)
        time.sleep(0.7)
        stages("done")

    assert re.search(r"\d\.\d s  sam deploy\n", stream.text)
    assert "0:01:39 left" in stream.text, "100 seconds the last time"
    assert re.search(r"2026-11-20 12:00 +0:00:0\d left", stream.text), "half of the day"
    took = json.loads(durations.read_text())
    assert 0.6 < took["sam deploy"] < 30
    assert "play day.yaml" in took


def test_stages_elsewhere_are_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with Stages(durations=tmp_path / "durations.json") as stages:
        stages("sam build")
        stages.at("12:00", 0.5)
    with Stages(quiet=True) as stages:
        stages("sam deploy")

    assert re.fullmatch(r" +\d\.\d s  sam build\n", capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_does_not_pay_for_what_a_terminal_needs() -> None:
    script = (
        "import sys; from headgate.cli.main import main; main(['validate']);"
        "print(sorted({'rich', 'boto3', 'ministack', 'psycopg', 'cfnlint'} & sys.modules.keys()))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
