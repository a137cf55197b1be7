"""The state with the transitions that Python reaches through others."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from state.calls import State


@dataclass(frozen=True)
class HoldChange:
    changed: bool
    other_hold: str | None
    released: list[dict[str, Any]]
    waiting: list[dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    recorded_at: str
    repeated: bool


@dataclass(frozen=True)
class Backfilled:
    opened: int
    existing: int


class Acting(State):
    """The state with the transitions behind `operate` and `finish_attempt`, each by itself."""

    def record_outcome(
        self, run: UUID, attempt: int, outcome: str, error: str | None, cause: str | None, now: datetime, actor: str
    ) -> Outcome:
        return self._one(Outcome, "record_outcome", run, attempt, outcome, error, cause, now, actor)

    def backfill(self, what: str, first: date, last: date, preview: bool, actor: str, now: datetime) -> Backfilled:
        dates = {"business_date": str(first), "until": str(last)}
        request = {"action": "backfill", "product" if "/" in what else "domain": what, **dates}
        result = self.operate(request, preview, None, actor, now).result
        assert result is not None
        return Backfilled(result["opened"], result["existing"])

    def latest_opening(self, what: str | None, now: datetime) -> date | None:
        found = self._value("latest_opening", what, now)
        return date.fromisoformat(found) if found else None

    def rerun(
        self, product: str, on_date: date, cycle: str, downstream: bool, kind: str, actor: str, now: datetime
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._value("rerun", product, on_date, cycle, downstream, kind, actor, now)
        return found

    def set_hold(
        self, product: str, on_date: date | None, cycle: str, hold: bool, actor: str, now: datetime
    ) -> HoldChange:
        return self._one(HoldChange, "set_hold", product, on_date, cycle, hold, actor, now)

    def skip_run(self, product: str, on_date: date, cycle: str, actor: str, now: datetime) -> None:
        self._value("skip_run", product, on_date, cycle, actor, now)

    def cancel_run(
        self, product: str, on_date: date, cycle: str, reason: str | None, actor: str, now: datetime
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._value("cancel_run", product, on_date, cycle, reason, actor, now)
        return found

    def waive_input(
        self,
        product: str,
        on_date: date,
        cycle: str,
        upstream: str,
        reason: str | None,
        undo: bool,
        actor: str,
        now: datetime,
    ) -> dict[str, Any]:
        found: dict[str, Any] = self._value("waive_input", product, on_date, cycle, upstream, reason, undo, actor, now)
        return found
