"""Executes what pages of the documentation show, in a folder of a project."""

import contextlib
import io
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import yaml

from headgate.cli.main import main
from tests.documented import Step, shows
from tests.documented_arguments import words_of
from tests.headgate_command import headgate
from tests.local_application import ROOT

DAY = date(2026, 11, 20)  # the business date of the pages, a Friday
PROCESSES = ("up", "down", "run")  # commands that are executed as processes of their own; the others in this one
ANSWERS = ("why", "logs", "history", "status", "alerts", "runs")  # of these a page shows what comes to be true
SECONDS = 60


def sample_project(folder: Path) -> Path:
    """A project with the sample's metadata, which the commands may change."""
    for name in ("template.yaml", "samconfig.toml", "functions", "events", "board"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("products", "statemachines", "steps"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    return folder


def played(steps: Iterable[Step], folder: Path) -> list[str]:
    """Executes the steps in their order and returns what is not as the page shows it. `cd` leads to the folder of those after it."""
    wrong = []
    for step in steps:
        words = words_of(step.command)
        if words[:1] == ["cd"]:
            folder /= words[1]
        elif found := do(step, folder):
            wrong.append(found)
    return wrong


def do(step: Step, folder: Path) -> str:
    """Executes the step and returns what is not as the page shows it; empty if all is."""
    if step.file:
        path = folder / on_a_recent_day(step.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(on_a_recent_day(step.text), "utf-8")
        return ""
    command, shown = on_a_recent_day(step.command), on_a_recent_day(step.output or "...")
    words, ends = words_of(command), re.search(r"# exit code (\d)$", command)
    deadline = time.monotonic() + SECONDS
    while True:
        code, printed = _executed(words, folder)
        if code == int(ends[1] if ends else 0) and shows(shown, printed):
            return ""
        if words[:1] != ["headgate"] or words[1] not in ANSWERS or time.monotonic() > deadline:
            return f"{step.place}: `{command}` ended with {code}; the page shows\n{shown}\nand it printed\n{printed}\n"
        time.sleep(0.3)


def _executed(words: list[str], folder: Path) -> tuple[int, str]:
    """The exit code and everything that was printed."""
    if words[0] != "headgate" or words[1] in PROCESSES:
        done = headgate(*words[1:], folder=folder) if words[0] == "headgate" else _program(words, folder)
        return done.returncode, done.stdout + done.stderr
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            code = main(words[1:])
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, printed.getvalue()


def _program(words: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    if words[0] == "python":
        words = [sys.executable, *words[1:]]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def on_a_recent_day(text: str) -> str:
    """The text with the dates of the week of `DAY` as those of a recent one, so that the pages do not age."""
    weeks = _weeks()
    for back in range(7):
        old = DAY - timedelta(days=back)
        new = old + weeks
        text = re.sub(rf"\b{old}\b", str(new), text).replace(f"{old:%Y%m%d}", f"{new:%Y%m%d}")
    return text


@cache
def _weeks() -> timedelta:
    """From the week of `DAY` to the last whole one in which every day is a business day."""
    calendar = yaml.safe_load((ROOT / "products" / "calendars" / "us-banking.yaml").read_text("utf-8"))
    closed = {str(each) for each in calendar["dates"]}
    today = datetime.now(UTC).date()
    friday = today - timedelta(days=(today.weekday() - 4) % 7 or 7)
    while closed & {str(friday - timedelta(days=back)) for back in range(5)}:
        friday -= timedelta(days=7)
    return friday - DAY
