"""What the jobs of a day that failed printed on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headgate.local.job_output import file_of, last_lines

Entry = dict[str, Any]
SHORT, SHORTEST = 10, 5  # job runs that failed, and lines of each, that the report of a day shows


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
