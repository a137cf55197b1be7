"""What the functions and the step types say to each other about job runs."""

from dataclasses import dataclass, field
from typing import Any

SUCCEEDED, FAILED, TIMEOUT, STOPPED = "SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"  # how a job run ends


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
        return cls(row.get("type", "glue"), row["job"], row["job_run_id"], row.get("handle") or {})


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a job run as an event of its service reports it."""

    job_run_id: str
    job: str
    state: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Launched:
    """A job run that its service names: `state` is None while it runs."""

    job_run_id: str
    state: str | None
    message: str = ""


def mark_of(run: object, attempt: int, step: str) -> str:
    """What a launch carries, so that it is found again when its answer was lost."""
    return f"{run}/{attempt}/{step}"


@dataclass(frozen=True, slots=True)
class Answer:
    """How a job run stands according to its service: `state` is None while it runs."""

    state: str | None
    message: str = ""
