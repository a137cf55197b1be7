"""The calls that concern shadow, as in `calls`."""

from dataclasses import dataclass
from datetime import datetime

from state.answers import Json, Row
from state.questions import Questions


@dataclass(frozen=True, slots=True)
class ModeSet:
    """`ended` are the runs that ended because the application left shadow."""

    changed: bool
    ended: int


@dataclass(frozen=True, slots=True)
class ExistingJobs:
    """Of job runs of the existing scheduler: how many starts and ends of products are new, how many were recorded before, and how many are of no product."""

    recorded: int
    repeated: int
    unmatched: int


class ShadowCalls(Questions):
    """A method for each."""

    def set_mode(self, wanted: bool, forced: bool, actor: str, now_is: datetime) -> ModeSet:
        return self._one(ModeSet, "set_mode", wanted, forced, actor, now_is)

    def watched_steps(self, jobs: list[Json], after: str, page: int) -> list[Row]:
        return self._rows(Row, "watched_steps", jobs, after, page)

    def record_existing_jobs(
        self, job_runs: list[Json], types: list[str], of_account: str, now_is: datetime
    ) -> ExistingJobs:
        return self._one(ExistingJobs, "record_existing_jobs", job_runs, types, of_account, now_is)
