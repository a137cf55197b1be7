"""How far long work is, with the time left. It goes to standard error, and only where a terminal reads that."""

import sys
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from headgate.cli import terminal
from headgate.cli.durations import DURATIONS, Durations

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType
    from rich.progress import Progress as Display
    from rich.progress import Task

DELAY = 0.5  # seconds; shorter work needs no progress, and must not pay for importing rich
INTERVAL = 0.1  # seconds between two updates
BAR_WIDTH = 24


class Progress:
    """Counts: `progress("generating machines", 3, 100)`. The time left is estimated from the pace of what is done; while there
    is none, as for the linters, from what the work took the last time."""

    def __init__(self, quiet: bool = False, durations: Path = DURATIONS) -> None:
        self._on = not quiet and terminal.is_terminal(sys.stderr)
        self._began = self._what_began = self._updated = time.monotonic()
        self._durations = Durations(durations, self._on)
        self._display: Display | None = None
        self._what = ""

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._durations.put(self._what, time.monotonic() - self._what_began)
            self._durations.save()
        self.stop()

    def stop(self) -> None:
        """Removes the progress from the terminal, so that something else can be printed."""
        if self._display is not None:
            self._display.stop()
            self._display = None

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self._on:
            return
        now = time.monotonic()
        if what != self._what:
            self._durations.put(self._what, now - self._what_began)
            self._what, self._what_began = what, now
            if self._display is not None:
                self._begin(self._display, total)
        elif now - self._updated < INTERVAL:
            return
        if now - self._began < DELAY:
            return
        self._updated = now
        if self._display is None:
            self._display = self._start()
            self._begin(self._display, total)
        self._display.update(self._display.task_ids[0], completed=done, total=total)

    def _begin(self, display: "Display", total: int) -> None:
        for task in list(display.task_ids):
            display.remove_task(task)
        display.add_task(self._what, total=total, last=self._durations.last(self._what))

    def _start(self) -> "Display":
        return _display(
            lambda task: task.description,
            lambda task: _bar(task.total, task.completed),
            lambda task: f"{task.completed:,.0f} of {task.total or 0:,.0f}",
            _count_left,
        )


class Stages:
    """The stages of long work: a line for each, with the seconds since the beginning. On a terminal a bar follows them. It shows
    the time left, estimated from what the stage took the last time, or else from `at`; the durations are kept in `.headgate`."""

    def __init__(self, quiet: bool = False, durations: Path = DURATIONS) -> None:
        self._quiet = quiet
        self._began = self._stage_began = time.monotonic()
        self._on = not quiet and terminal.is_terminal(sys.stderr)
        self._display: Display | None = None
        self._stage = ""
        self._durations = Durations(durations, self._on)

    def __enter__(self) -> "Stages":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._end_stage()
            self._durations.save()
        if self._display is not None:
            self._display.stop()
            self._display = None

    def __call__(self, message: str, stage: str = "") -> None:
        """Ends the stage before and begins the next; `stage` is its name among the durations (default: the message)."""
        if self._quiet:
            return
        text = f"{time.monotonic() - self._began:5.1f} s  {message}"
        if not self._on:
            print(text, file=sys.stderr, flush=True)
            return
        self._end_stage()
        self._stage = stage or message
        display = self._display = self._display or self._start()
        display.console.print(text, highlight=False, soft_wrap=True)
        for task in list(display.task_ids):
            display.remove_task(task)
        display.add_task(message, total=None, last=self._durations.last(self._stage), fraction=0.0, at="")

    def at(self, text: str, fraction: float) -> None:
        """Where the stage is, and the part of it that is done, from 0 to 1."""
        if self._display is not None and self._display.task_ids:
            self._display.update(self._display.task_ids[0], at=text, fraction=fraction)

    def _end_stage(self) -> None:
        now = time.monotonic()
        self._durations.put(self._stage, now - self._stage_began)
        self._stage, self._stage_began = "", now

    def _start(self) -> "Display":
        return _display(_stage_bar, lambda task: task.fields["at"], _stage_left)


def _display(*columns: "Callable[[Task], RenderableType]") -> "Display":
    """A line at the end of standard error that is drawn again ten times a second and removed at the end."""
    from rich.progress import Progress, ProgressColumn, SpinnerColumn

    class Column(ProgressColumn):
        def __init__(self, render: "Callable[[Task], RenderableType]") -> None:
            self._render = render
            super().__init__()

        def render(self, task: "Task") -> "RenderableType":
            return self._render(task)

    console = terminal.console(sys.stderr)
    display = Progress(SpinnerColumn(), *(Column(each) for each in columns), console=console, transient=True)
    display.start()
    return display


def _bar(total: float | None, done: float) -> "RenderableType":
    from rich.progress_bar import ProgressBar

    return ProgressBar(total=total, completed=done, width=BAR_WIDTH, pulse=total is None)


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{timedelta(seconds=int(seconds))} left"


def _count_left(task: "Task") -> str:
    last: float | None = task.fields["last"]
    if task.time_remaining is None and last is not None:
        return _left(max(last - (task.elapsed or 0.0), 0.0))
    return _left(task.time_remaining)


def _expected(task: "Task") -> float | None:
    """The seconds that a whole stage takes: what it took the last time, or else by the part that is done; None if unknown."""
    last: float | None = task.fields["last"]
    fraction: float = task.fields["fraction"]
    return task.elapsed / fraction if last is None and fraction > 0.05 and task.elapsed else last


def _stage_bar(task: "Task") -> "RenderableType":
    expected = _expected(task)
    return _bar(expected, min(task.elapsed or 0.0, expected or 0.0))


def _stage_left(task: "Task") -> str:
    expected, elapsed = _expected(task), task.elapsed or 0.0
    if expected is None:
        return f"for {timedelta(seconds=int(elapsed))}"
    return _left(expected - elapsed) if expected > elapsed else "longer than the last time"
