"""The logs of job runs as text, and as data for programs."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from headgate.cli import terminal
from headgate.cli.cloudwatch import Line
from headgate.cli.job_logs import JobRun
from headgate.cli.log_reader import PRINTED, Section


class Report:
    """Prints sections below the heading of their job run, which stands again where another one came between."""

    def __init__(self) -> None:
        self._job_run: str | None = None
        self._place = ""
        self._problems: set[tuple[str, str, str]] = set()

    def begin(self, job_run: JobRun) -> None:
        """The heading: which step, job and attempt, which of several job runs of the attempt, and how it ended."""
        if self._job_run != job_run.id:
            notes = [f"attempt {job_run.attempt}"] if job_run.attempt > 1 else []
            number, count = job_run.number
            if count > 1:
                notes += [f"{number} of {count}", f"began {_utc(job_run.started):%H:%M:%S}", job_run.id]
            which = f" ({', '.join(notes)})" if notes else ""
            terminal.line(f"step {job_run.step}: {job_run.job}{which}, {job_run.status or 'has not ended'}")
            self._job_run, self._place = job_run.id, PRINTED

    def show(self, job_run: JobRun, sections: Iterable[Section]) -> None:
        """What is in the sections; a problem once."""
        for each in sections:
            problem = (job_run.id, each.place, each.problem)
            if not each.lines and (not each.problem or problem in self._problems):
                continue
            self.begin(job_run)
            if each.problem:
                self._problems.add(problem)
                terminal.line(f"  {each.problem}")
                continue
            if self._place != each.place:
                terminal.line(f"  {each.place}:")
                self._place = each.place
            for line in each.lines:
                terminal.line(f"  {_moment(line)}{line.text}")


def places_without_lines(job_run: JobRun, sections: list[Section]) -> str:
    """The line for a job run that nothing is kept of."""
    if [each.place for each in sections] == [PRINTED]:
        return "  it printed nothing"
    if not sections:
        return "  no output is kept: it ran no script of `up --jobs`, or long ago"
    places = ", ".join(each.place for each in sections)
    return f"  nothing is logged{'' if job_run.ended else ' yet'}: looked in {places}"


def as_json(job_run: JobRun, sections: Iterable[Section]) -> dict[str, Any]:
    """The job run with what each place has."""
    found = [
        {"place": each.place, "lines": [_line(line) for line in each.lines], **({"problem": each.problem} if each.problem else {})}
        for each in sections
    ]  # fmt: skip
    return {
        "step": job_run.step, "type": job_run.type, "job": job_run.job, "job_run_id": job_run.id, "attempt": job_run.attempt,
        "status": job_run.status, "places": found,
    }  # fmt: skip


def _line(line: Line) -> dict[str, Any]:
    at = {} if line.at is None else {"at": _utc(line.at).isoformat(timespec="milliseconds")}
    return {**at, "text": line.text}


def _moment(line: Line) -> str:
    return "" if line.at is None else f"{_utc(line.at):%H:%M:%S} "


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
