"""What jobs print on this machine is kept, within limits."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headgate.cli import job_outputs
from headgate.local import job_output
from headgate.local.job_output import LIMIT, collect, file_of, last_lines, lines_after, prepared


def printed_by(script: str, file: Path) -> bytes:
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return collect(process, file)


def test_both_streams_are_kept(tmp_path: Path) -> None:
    file = prepared(tmp_path, "d1-ds1-build", "jr_1")
    errors = printed_by("import sys; print('read 3 files', flush=True); print('disk: 90 %', file=sys.stderr)", file)
    assert sorted(last_lines(file, 10)) == ["disk: 90 %", "read 3 files"]
    assert errors == b"disk: 90 %\n"
    assert file == file_of(tmp_path, "d1-ds1-build", "jr_1")


def test_of_long_output_the_end_is_kept(tmp_path: Path) -> None:
    file = prepared(tmp_path, "job", "jr_1")
    printed_by("for n in range(20_000): print('x' * 100, n)", file)
    assert file.stat().st_size <= LIMIT
    assert last_lines(file, 1) == ["x" * 100 + " 19999"]
    assert file.read_text().splitlines()[0] == "(what it printed before was left out)"


def test_only_the_last_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_output, "KEPT", 3)
    for number in range(6):
        prepared(tmp_path, f"job/{number % 2}", f"jr_{number}").write_text("x")
    assert sorted(each.stem for each in tmp_path.rglob("*.log")) == ["jr_3", "jr_4", "jr_5"]


def test_only_what_is_new_is_read_on(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"one\n\ntwo")
    assert lines_after(file, 0, ended=False) == (["one"], 5)
    assert lines_after(file, 5, ended=False) == ([], 5), "the process may go on with this line"
    assert lines_after(file, 5, ended=True) == (["two"], 8)
    file.write_bytes(b"cut\n")
    assert lines_after(file, 8, ended=True) == (["cut"], 4)


def test_a_job_is_not_disturbed_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(log: Any, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job_output, "_append", full)
    assert printed_by("raise SystemExit('it ran to its end')", tmp_path / "log") == b"it ran to its end\n"


ENTRIES: list[dict[str, Any]] = [
    {"kind": "run", "product": "d1/ds1"},
    {"kind": "job started", "product": "d1/ds1", "step": "load", "job": "d1-load", "job_run_id": "jr_1", "attempt": 1},
    {
        "kind": "job ended",
        "product": "d1/ds1",
        "step": "load",
        "job": "d1-load",
        "job_run_id": "jr_1",
        "status": "SUCCEEDED",
    },
    {
        "kind": "job started",
        "product": "d1/ds1",
        "step": "build",
        "job": "d1-build",
        "job_run_id": "jr_2",
        "attempt": 1,
    },
    {
        "kind": "job ended",
        "product": "d1/ds1",
        "step": "build",
        "job": "d1-build",
        "job_run_id": "jr_2",
        "status": "FAILED",
    },
]


def test_a_day_shows_what_jobs_that_failed_printed_at_last(tmp_path: Path) -> None:
    assert list(job_outputs.of_failed(ENTRIES, tmp_path)) == [], "the scenario made it fail: no script ran"
    prepared(tmp_path, "d1-load", "jr_1").write_text("fine\n")
    prepared(tmp_path, "d1-build", "jr_2").write_text("".join(f"line {n}\n" for n in range(9)))
    assert list(job_outputs.of_failed(ENTRIES, tmp_path))[2:] == [
        "  d1/ds1, step build: d1-build", *(f"    line {n}" for n in range(4, 9)),
    ]  # fmt: skip
