"""What jobs printed on this machine, for the entries of a history that name their job runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headgate.local.job_output import file_of, last_lines

Entry = dict[str, Any]
SHORT, SHORTEST = 10, 5  # job runs that failed, and lines of each, that the report of a day shows


def of_product(entries: list[Entry], folder: Path, step: str | None, lines: int) -> Iterator[str]:
    """Every job run of the entries, or those of the step, each with the last lines that it printed."""
    ends = {each["job_run_id"]: each for each in entries if each["kind"] == "job ended"}
    for each in entries:
        if each["kind"] == "job started" and step in (None, each["step"]):
            attempt = f" (attempt {each['attempt']})" if each.get("attempt", 1) > 1 else ""
            yield f"step {each['step']}: {each['job']}{attempt}, {_end(ends.get(each['job_run_id']))}"
            file = file_of(folder, each["job"], each["job_run_id"])
            printed = last_lines(file, lines)
            yield from (f"  {line}" for line in printed)
            if not printed:
                yield (
                    "  it printed nothing"
                    if file.exists()
                    else "  no output is kept: it ran no script of `up --jobs`, or long ago"
                )


def of_failed(entries: list[Entry], folder: Path) -> Iterator[str]:
    """The end of what the first job runs that failed printed; nothing if none of them printed anything."""
    failed = [each for each in entries if each["kind"] == "job ended" and each["status"] == "FAILED"]
    found = [(each, last_lines(file_of(folder, each["job"], each["job_run_id"]), SHORTEST)) for each in failed]
    shown = [(each, printed) for each, printed in found if printed]
    if shown:
        yield ""
        yield "Output of jobs that failed, its last lines (`--keep DIR` keeps all of it in DIR/job-output):"
    for each, printed in shown[:SHORT]:
        yield f"  {each['product']}, step {each.get('step')}: {each['job']}"
        yield from (f"    {line}" for line in printed)
    if len(shown) > SHORT:
        yield f"  and {len(shown) - SHORT} more"


def _end(entry: Entry | None) -> str:
    if entry is None:
        return "has not ended"
    return str(entry["status"])
