"""Reads the logs of job runs: where their services keep them, and on this machine what their processes printed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from headgate.cli.application import LOCAL, Application
from headgate.cli.cloudwatch import CloudWatch, Line
from headgate.cli.job_logs import Client, Entry, JobRun, Note, Place, places_of
from headgate.local.job_output import file_of, lines_after

PRINTED = "what its process printed"
NOT_ALLOWED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class Section:
    """What one place has; `problem` says why it could not be read."""

    place: str
    lines: list[Line] = field(default_factory=list)
    problem: str = ""


def job_runs(entries: list[Entry], step: str | None = None, batch: int | None = None) -> list[JobRun]:
    """The job runs of a history, in the order of their starts, of one step or batch if given. Those of one step and attempt are numbered where there are several."""
    ends = {each["job_run_id"]: each for each in entries if each["kind"] == "job ended"}
    started = [each for each in entries if each["kind"] == "job started" and step in (None, each["step"])]
    started = [each for each in started if batch in (None, each.get("handle", {}).get("batch"))]
    tries = [(each.get("cycle"), each["step"], each.get("attempt", 1)) for each in started]
    found = []
    for place, each in enumerate(started):
        end = ends.get(each["job_run_id"])
        number = (tries[: place + 1].count(tries[place]), tries.count(tries[place]))
        found.append(
            JobRun(
                each["product"], each["step"], each["type"], each["job"], each["job_run_id"], each.get("attempt", 1), _milliseconds(each["at"]),
                _milliseconds(end["at"]) if end else None, end["status"] if end else None, each.get("handle", {}), number,
            )
        )  # fmt: skip
    return found


def _milliseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


class Services:
    """The logs that services keep, the last `most` lines of each place first, then what came since. It reads with the caller's permissions."""

    def __init__(self, client: Client, most: int) -> None:
        self._clients: dict[str, Any] = {}
        self._create, self._noted = client, set[tuple[str, Note]]()
        self._cloudwatch: CloudWatch | None = None
        self._most = most

    def sections(self, job_run: JobRun) -> Iterator[Section]:
        """One for each place. A place that cannot be read says why."""
        from botocore.exceptions import BotoCoreError, ClientError

        find = places_of(job_run.type)
        if find is None:
            yield Section(job_run.type, problem=f"Headgate does not read the logs of the step type {job_run.type}")
            return
        try:
            places = list(find(job_run, self._client))
        except (ClientError, BotoCoreError) as error:
            yield Section(job_run.type, problem=_in_words(error, f"where {job_run.type} logs is not known"))
            return
        for each in places:
            try:
                yield Section(str(each), self._new(job_run, each))
            except (ClientError, BotoCoreError) as error:
                yield Section(str(each), problem=_in_words(error, f"{each} cannot be read"))

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._create(service)
        return self._clients[service]

    def _new(self, job_run: JobRun, place: Place) -> list[Line]:
        if isinstance(place, Note):
            if (job_run.id, place) in self._noted:
                return []
            self._noted.add((job_run.id, place))
            return [Line(text) for text in place.text.splitlines()]
        if self._cloudwatch is None:
            self._cloudwatch = CloudWatch(self._client("logs"), self._most)
        return self._cloudwatch.read(place)


class Processes:
    """On this machine: what the processes of jobs printed, and what the endpoint's services say besides."""

    def __init__(self, folder: Path, services: Services, most: int) -> None:
        self._folder, self._services, self._most = folder, services, most
        self._read: dict[str, int] = {}
        self._printed: dict[str, set[str]] = {}

    def sections(self, job_run: JobRun) -> Iterator[Section]:
        """A service that says nothing but what the process has printed, such as its last line as the error, is left out."""
        file, printed = file_of(self._folder, job_run.job, job_run.id), self._printed.setdefault(job_run.id, set())
        if file.exists():
            new = self._new(job_run, file)
            printed |= {each.text.strip() for each in new}
            yield Section(PRINTED, new)
        for each in self._services.sections(job_run):
            if {line.text.strip() for line in each.lines} - printed:
                yield each

    def _new(self, job_run: JobRun, file: Path) -> list[Line]:
        first = job_run.id not in self._read
        texts, self._read[job_run.id] = lines_after(file, self._read.get(job_run.id, 0), job_run.ended is not None)
        return [Line(text) for text in (texts[-self._most :] if first else texts)]


Reader = Services | Processes


def reader_of(running: Application, lines: int) -> Reader:
    """Of the job runs of this application, at first the last `lines` of each place."""
    services = Services(running.client, lines)
    return Processes(LOCAL, services, lines) if running.local else services


def _in_words(error: Any, what: str) -> str:
    """An error of AWS for the user: what is missing, or what it said."""
    details = getattr(error, "response", {}).get("Error", {})
    message = details.get("Message") or str(error)
    if details.get("Code") in NOT_ALLOWED:
        return f"{what}: these credentials have no permission for it. {message}"
    return f"{what}: {message}"
