"""Every call of the state's SQL functions: a method each, with its name and its arguments in its order.

A SQL function says in `transitions/` what it does; a test compares the two. All raise the classes of `errors`. A list that would not fit into an
answer of the Data API is cut: its last element {"more": n} says how many it leaves out.
"""

from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID

from state.answers import (
    ArchivePage,
    Attempt,
    Deadline,
    Effect,
    Finished,
    JobStart,
    JobToAsk,
    Json,
    Loaded,
    MachineEnded,
    NextTicks,
    Openings,
    OpenRun,
    Operated,
    PutOff,
    Recorded,
    Repaired,
    Row,
    TakenAlert,
    Undelivered,
    Wait,
)
from state.file_calls import FileCalls


class State(FileCalls):
    """The state behind a database."""

    # Openings and arrivals

    def open_due_runs(self, now_is: datetime, actor: str) -> Openings:
        return self._one(Openings, "open_due_runs", now_is, actor)

    def next_ticks(self, now_is: datetime) -> NextTicks:
        return self._one(NextTicks, "next_ticks", now_is)

    def record_refresh_events(self, events: list[Json], now_is: datetime) -> Recorded:
        return self._one(Recorded, "record_refresh_events", events, now_is)

    # Machines

    def register_wait(self, run: UUID, of_attempt: int, token: str, execution: str, now_is: datetime) -> Wait:
        return self._one(Wait, "register_wait", run, of_attempt, token, execution, now_is)

    def resolve_deadline(self, run: UUID, of_attempt: int, on_deadline: str, now_is: datetime) -> Deadline:
        return self._one(Deadline, "resolve_deadline", run, of_attempt, on_deadline, now_is)

    def kept_back(self, run: UUID) -> str | None:
        return cast(str | None, self._value("kept_back", run))

    def begin_pipeline(self, run: UUID, of_attempt: int, execution: str | None, now_is: datetime) -> Json:
        """{<step key>: {type, resource, arguments}}"""
        return cast(Json, self._value("begin_pipeline", run, of_attempt, execution, now_is))

    def finish_attempt(
        self, run: UUID, of_attempt: int, outcome: str, of_error: str | None, of_cause: str | None, now_is: datetime
    ) -> Finished:
        return self._one(Finished, "finish_attempt", run, of_attempt, outcome, of_error, of_cause, now_is)

    def publish_at_once(self, run: UUID, of_attempt: int, of_status: str, now_is: datetime) -> None:
        self._value("publish_at_once", run, of_attempt, of_status, now_is)

    def record_metadata(self, run: UUID, of_attempt: int, given: Json) -> Json:
        return cast(Json, self._value("record_metadata", run, of_attempt, given))

    def open_runs_of(self, executions: list[Json]) -> list[OpenRun]:
        return [OpenRun.of(each) for each in self._value("open_runs_of", executions)]

    def cancelled_attempts_of(self, executions: list[Json]) -> list[Attempt]:
        return self._rows(Attempt, "cancelled_attempts_of", executions)

    def end_lost_machine(
        self, run: UUID, of_attempt: int, of_error: str, of_cause: str, restart: bool, most: int, actor: str, now_is: datetime
    ) -> MachineEnded:  # fmt: skip
        given = (run, of_attempt, of_error, of_cause, restart, most, actor, now_is)
        return self._one(MachineEnded, "end_lost_machine", *given)

    def overdue_pipelines(self, now_is: datetime) -> list[Json]:
        return cast(list[Json], self._value("overdue_pipelines", now_is))

    def end_overdue_pipeline(self, run: UUID, of_attempt: int, now_is: datetime) -> bool:
        return bool(self._value("end_overdue_pipeline", run, of_attempt, now_is))

    def overdue_waits(self, now_is: datetime) -> list[Json]:
        return cast(list[Json], self._value("overdue_waits", now_is))

    def end_wait(
        self, run: UUID, of_attempt: int, decision: str, of_error: str | None, of_cause: str | None, now_is: datetime
    ) -> None:
        self._value("end_wait", run, of_attempt, decision, of_error, of_cause, now_is)

    def start_again(self, run: UUID, of_attempt: int, now_is: datetime) -> bool:
        return bool(self._value("start_again", run, of_attempt, now_is))

    # Job runs

    def launches_of(self, run: UUID, of_attempt: int) -> Json | None:
        """{since, known, steps: [{step, type, job}]}"""
        return cast(Json | None, self._value("launches_of", run, of_attempt))

    def record_found(
        self, run: UUID, of_attempt: int, of_step: str, of_type: str, of_job: str, of_job_run: str, of_handle: Json,
        now_is: datetime,
    ) -> None:  # fmt: skip
        self._value("record_found", run, of_attempt, of_step, of_type, of_job, of_job_run, of_handle, now_is)

    def stop_jobs_of(self, run: UUID, of_attempt: int, now_is: datetime) -> list[Json]:
        return cast(list[Json], self._value("stop_jobs_of", run, of_attempt, now_is))

    def join_cluster(self, run: UUID, of_attempt: int, name: str, token: str, now_is: datetime) -> str:
        """`launch`, `ready` or `wait`"""
        return str(self._value("join_cluster", run, of_attempt, name, token, now_is))

    def release_clusters(self, run: UUID, of_attempt: int, now_is: datetime) -> list[Json]:
        return cast(list[Json], self._value("release_clusters", run, of_attempt, now_is))

    def uses_clusters(self) -> bool:
        return bool(self._value("uses_clusters"))

    def record_clusters(self, found: list[Json], now_is: datetime) -> int:
        return int(self._value("record_clusters", found, now_is))

    def record_job_start(
        self, run: UUID, of_attempt: int, of_step: str, of_type: str, of_job: str, of_job_run: str, of_handle: Json, token: str,
        now_is: datetime,
    ) -> JobStart:  # fmt: skip
        given = (run, of_attempt, of_step, of_type, of_job, of_job_run, of_handle, token, now_is)
        return self._one(JobStart, "record_job_start", *given)

    def record_invocation(
        self, run: UUID, of_attempt: int, of_step: str, of_type: str, of_job: str, of_job_run: str, of_handle: Json,
        timeout_seconds: int, now_is: datetime,
    ) -> str:  # fmt: skip
        """The state of the job run."""
        given = (run, of_attempt, of_step, of_type, of_job, of_job_run, of_handle, timeout_seconds, now_is)
        return str(self._value("record_invocation", *given))

    def record_job_states(self, states: list[Json], now_is: datetime) -> int:
        return int(self._value("record_job_states", states, now_is))

    def request_stop(self, of_job_run: str, now_is: datetime) -> bool:
        return bool(self._value("request_stop", of_job_run, now_is))

    # The monitor and the outbox

    def repair(self, now_is: datetime) -> Repaired:
        return self._one(Repaired, "repair", now_is)

    def notify_at_risk(self, now_is: datetime) -> int:
        return int(self._value("notify_at_risk", now_is))

    def begin_tick(self) -> int:
        return int(self._value("begin_tick"))

    def record_tick(self, of_function: str, now_is: datetime) -> None:
        self._value("record_tick", of_function, now_is)

    def jobs_to_ask(self, tick: int, page: int, at_once: bool, now_is: datetime) -> list[JobToAsk]:
        return self._rows(JobToAsk, "jobs_to_ask", tick, page, at_once, now_is)

    def executions_to_ask(self, tick: int, page: int, at_once: bool, now_is: datetime) -> list[OpenRun]:
        return [OpenRun.of(each) for each in self._value("executions_to_ask", tick, page, at_once, now_is)]

    def record_asked(self, tick: int, job_runs: list[str], runs: list[str]) -> None:
        self._value("record_asked", tick, job_runs, runs)

    def claim_effects(self, page: int, now_is: datetime, lease: timedelta) -> list[Effect]:
        return self._rows(Effect, "claim_effects", page, now_is, lease)

    def claim_effects_due_since(self, moment: datetime, page: int, now_is: datetime, lease: timedelta) -> list[Effect]:
        return self._rows(Effect, "claim_effects_due_since", moment, page, now_is, lease)

    def claim_effects_of_run(self, run: UUID, page: int, now_is: datetime, lease: timedelta) -> list[Effect]:
        return self._rows(Effect, "claim_effects_of_run", run, page, now_is, lease)

    def claim_alerts(self, until: datetime, page: int, now_is: datetime, lease: timedelta) -> list[PutOff]:
        return self._rows(PutOff, "claim_alerts", until, page, now_is, lease)

    def finish_effects(self, results: list[Json], now_is: datetime) -> int:
        return int(self._value("finish_effects", results, now_is))

    # Operators

    def retry_effects(self, chosen: list[int] | None, actor: str, now_is: datetime) -> int:
        return int(self._value("retry_effects", chosen, actor, now_is))

    def operators_of(self, request: Json) -> Json:
        """{<domain>: [ARN]}"""
        return cast(Json, self._value("operators_of", request))

    def operate(self, request: Json, trial: bool, expected: str | None, actor: str, now_is: datetime) -> Operated:
        return self._one(Operated, "operate", request, trial, expected, actor, now_is)

    def continue_backfills(self, now_is: datetime) -> int:
        return int(self._value("continue_backfills", now_is))

    def load_catalog(
        self, of_upload: str, of_commit: str, of_committed_at: datetime, force: bool, actor: str, now_is: datetime
    ) -> Loaded:
        return self._one(Loaded, "load_catalog", of_upload, of_commit, of_committed_at, force, actor, now_is)

    # Retention

    def claim_archive_page(self, days: int, most: int, now_is: datetime, lease: timedelta) -> ArchivePage:
        return self._one(ArchivePage, "claim_archive_page", days, most, now_is, lease)

    def archive_lines(self, of_page: str, after: str) -> list[Row]:
        return self._rows(Row, "archive_lines", of_page, after)

    def finish_archive_page(self, of_page: str, digest: str, written_to: str, now_is: datetime) -> int | None:
        return cast(int | None, self._value("finish_archive_page", of_page, digest, written_to, now_is))

    def delete_spent(
        self, history_days: int, detail_days: int, archive_days: int, most: int, now_is: datetime
    ) -> dict[str, int]:
        """How many {effects, alerts, job_runs, ...}."""
        given = (history_days, detail_days, archive_days, most, now_is)
        return cast(dict[str, int], self._value("delete_spent", *given))

    def record_retention(self, of_report: Json, now_is: datetime) -> None:
        self._value("record_retention", of_report, now_is)

    def retention_health(self) -> Json:
        return cast(Json, self._value("retention_health"))

    def archived_between(self, product: str | None, first: date, last: date, after: str, page: int) -> list[Row]:
        return self._rows(Row, "archived_between", product, first, last, after, page)

    # Alerts

    def take_alert(self, given: Json, channels: list[Json], now_is: datetime) -> TakenAlert:
        return self._one(TakenAlert, "take_alert", given, channels, now_is)

    def send_again(self, given: Json, channels: list[Json], of_message: str, actor: str, now_is: datetime) -> int:
        return int(self._value("send_again", given, channels, of_message, actor, now_is))

    def undelivered(self, of_alert: str, channels: list[Json]) -> Undelivered:
        return self._one(Undelivered, "undelivered", of_alert, channels)

    def begin_delivery(self, of_alert: str, to_channel: str, to_target: str, doubtful: bool, now_is: datetime) -> bool:
        return bool(self._value("begin_delivery", of_alert, to_channel, to_target, doubtful, now_is))

    def finish_deliveries(self, results: list[Json], now_is: datetime) -> int:
        return int(self._value("finish_deliveries", results, now_is))
