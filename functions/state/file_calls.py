"""The calls that concern files that land, and the batches in which they are loaded, as in `calls`."""

from datetime import datetime
from typing import cast
from uuid import UUID

from state.answers import Json, Row
from state.file_answers import PlannedBatches, RecordedFiles, Rematched
from state.signal_calls import SignalCalls


class FileCalls(SignalCalls):
    """A method for each."""

    def record_files(self, files: list[Json], now_is: datetime) -> RecordedFiles:
        return self._one(RecordedFiles, "record_files", files, now_is)

    def settle_files(self, now_is: datetime) -> int:
        return int(self._value("settle_files", now_is))

    def sources_to_list(self, now_is: datetime) -> list[Json]:
        """[{product_id, source, since}]"""
        return cast(list[Json], self._value("sources_to_list", now_is))

    def record_listed(self, product: str, now_is: datetime) -> None:
        self._value("record_listed", product, now_is)

    def listings(self) -> list[Json]:
        """[{backfill, product_id, source, prefix, key, version_id}]"""
        return cast(list[Json], self._value("listings"))

    def record_listing(
        self, of_backfill: int, after_key: str | None, after_version: str | None, files: list[Json], seen: int, last_key: str, last_version: str | None, now_is: datetime
    ) -> bool:  # fmt: skip
        given = (of_backfill, after_key, after_version, files, seen, last_key, last_version, now_is)
        return bool(self._value("record_listing", *given))

    def finish_listing(self, of_backfill: int, now_is: datetime) -> int:
        return int(self._value("finish_listing", of_backfill, now_is))

    def rematch_files(self, files: list[Json], now_is: datetime) -> Rematched:
        return self._one(Rematched, "rematch_files", files, now_is)

    def plan_batches(self, run: UUID, of_attempt: int, of_step: str, entered: str, now_is: datetime) -> PlannedBatches:
        return self._one(PlannedBatches, "plan_batches", run, of_attempt, of_step, entered, now_is)

    def broken_batches(self, run: UUID, of_step: str, entered: str) -> list[Json]:
        """[{batch_id, attempt, job_run_id, state}]"""
        return cast(list[Json], self._value("broken_batches", run, of_step, entered))

    def batch_header(self, of_batch: int) -> Json:
        """What is common to the files of a batch: {product, business_date, run_id, attempt, batch_id, load, columns, checks, quarantine}."""
        return dict(self._value("batch_header", of_batch))

    def batch_files(self, of_batch: int, after: str, page: int) -> list[Row]:
        return self._rows(Row, "batch_files", of_batch, after, page)

    def record_batch(self, of_batch: int, of_job_run: str, results: list[Json], now_is: datetime) -> Json:
        return dict(self._value("record_batch", of_batch, of_job_run, results, now_is))

    def fail_batch(self, of_batch: int, of_error: str, of_cause: str, now_is: datetime) -> None:
        self._value("fail_batch", of_batch, of_error, of_cause, now_is)
