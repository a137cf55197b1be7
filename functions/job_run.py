"""What the functions and the step types say to each other about job runs."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SUCCEEDED, FAILED, TIMEOUT, STOPPED = "SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"  # how a job run ends
READY = "READY"  # of a cluster, which has not ended: it can be used
PREFIX = "headgate/"  # what names of our work begin with, where a service takes them; the mark is their end


@dataclass(frozen=True, slots=True)
class JobRun:
    """One launch of a step's work. `handle` is what its service needs besides the id to find it again."""

    type: str
    job: str
    job_run_id: str
    handle: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: dict[str, Any]) -> "JobRun":
        """The job run that a row of the state or an event of a machine names; a row without a type is one of Glue."""
        name = row["job_run_id"]
        if row.get("cluster") and "/" not in name:
            name = f"{row['cluster']}/{name}"
        return cls(row.get("type", "glue"), row["job"], name, row.get("handle") or {})


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a job run as an event of its service reports it, or that a cluster is ready. `cluster` is what its name says of it."""

    job_run_id: str
    job: str
    state: str
    message: str = ""
    cluster: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A job run that somebody else has launched. `state` is None while it runs; what an event does not say of the rest is None until its service is asked;
    `started_at` stays None if that does not know it any more. `arguments` are what it was given, texts at any depth."""

    job_run_id: str
    job: str
    state: str | None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    arguments: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Launched:
    """A job run that its service names: `state` is None while it runs, `batch` is that of files which it loads."""

    job_run_id: str
    state: str | None
    message: str = ""
    batch: int | None = None


def mark_of(run: object, attempt: int, step: str, batch: int | None = None) -> str:
    """What a launch carries, so that it is found again when its answer was lost. Launches of one step for batches of files differ by the batch."""
    return f"{run}/{attempt}/{step}" + (f"/{batch}" if batch is not None else "")


def batch_of(mark: str, of_step: str) -> int | None:
    """The batch that is named in a mark of the step; None if the mark is that of the step itself."""
    number = mark.removeprefix(f"{of_step}/")
    return int(number) if number.isdecimal() else None


def is_of(mark: str | None, wanted: str) -> bool:
    """Whether what a launch carries is that mark, or one of a batch of it."""
    return mark is not None and (mark == wanted or mark.startswith(f"{wanted}/"))


def named_values(values: dict[str, str]) -> list[dict[str, str]]:
    """As launches of Step Functions take variables and parameters, in order of their names."""
    return [{"Name": name, "Value": value} for name, value in sorted(values.items())]


def named_clusters(alive: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """What the names of clusters say of them, as far as they have the form `headgate/<resource>/<run>/<attempt>/<step>`."""
    found = []
    for job_run_id, name in alive:
        parts = name.removeprefix(PREFIX).rsplit("/", 3)
        if len(parts) == 4 and parts[2].isdigit():
            job, run, attempt, step = parts
            found.append({"job_run_id": job_run_id, "job": job, "run_id": run, "attempt": int(attempt), "step": step})
    return found


@dataclass(frozen=True, slots=True)
class Answer:
    """How a job run stands according to its service: `state` is None while it runs, and READY of a cluster that can be used. `lost`: it has ended because
    its cluster has."""

    state: str | None
    message: str = ""
    lost: bool = False
