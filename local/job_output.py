"""What the processes of jobs print: a file for each job run, `<folder>/job-output/<job>/<job run>.log`, of limited size and number."""

import contextlib
import os
import selectors
import subprocess
from collections import deque
from pathlib import Path
from typing import IO
from urllib.parse import quote

LIMIT = 1_000_000  # bytes of a file; of longer output at least the last half of that
KEPT = 200  # files
CHUNK = 64 * 1024
FOLDER = "job-output"


def file_of(folder: Path, job: str, job_run: str) -> Path:
    return folder / FOLDER / quote(job, safe="") / f"{quote(job_run, safe='')}.log"


def prepared(folder: Path, job: str, job_run: str) -> Path:
    """The file for a job run that starts now. The oldest files go."""
    with contextlib.suppress(FileNotFoundError):  # another job run starts at the same time
        found = sorted((folder / FOLDER).glob("*/*.log"), key=lambda each: each.stat().st_mtime)
        for each in found[: max(0, len(found) - KEPT + 1)]:
            each.unlink()
    file = file_of(folder, job, job_run)
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def collect(process: "subprocess.Popen[bytes]", file: Path) -> bytes:
    """Writes both streams of the process to the file as they come, until it has ended; gives the end of its error output. A disk that is full
    does not disturb the process."""
    errors = b""
    with open(file, "w+b", buffering=0) as log, selectors.DefaultSelector() as streams:
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            streams.register(stream, selectors.EVENT_READ)
        while streams.get_map():
            for key, _ in streams.select():
                data = os.read(key.fd, CHUNK)
                if not data:
                    streams.unregister(key.fileobj)
                    continue
                if key.fileobj is process.stderr:
                    errors = (errors + data)[-CHUNK:]
                with contextlib.suppress(OSError):
                    _append(log, data)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    process.wait()
    return errors


def _append(log: IO[bytes], data: bytes) -> None:
    log.write(data)
    if log.tell() > LIMIT:
        log.seek(-LIMIT // 2, os.SEEK_END)
        end = log.read()
        log.seek(0)
        log.truncate()
        log.write(b"(what it printed before was left out)\n" + end)


def last_lines(file: Path, number: int) -> list[str]:
    """The last lines that are not empty; none where there is no file."""
    try:
        with open(file, errors="replace") as log:
            return list(deque((line.rstrip("\n") for line in log if line.strip()), number))
    except OSError:
        return []


def lines_after(file: Path, position: int, ended: bool) -> tuple[list[str], int]:
    """The lines after that byte that are not empty, and where the next ones begin; a file that was cut begins anew. A last line without an end
    counts where the process has `ended`."""
    with open(file, "rb") as log:
        log.seek(position if position <= file.stat().st_size else 0)
        begins, data = log.tell(), log.read()
    whole = data if ended else data[: data.rfind(b"\n") + 1]
    lines = whole.decode(errors="replace").splitlines()
    return [line for line in lines if line.strip()], begins + len(whole)
