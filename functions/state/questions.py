"""The questions that people ask the state. They change nothing."""

from datetime import date, datetime
from typing import cast

from state.answers import CurrentLoad, Json, Operated, OutboxHealth, Row, SnapshotNews, StatusNews
from state.calling import Calls


class Questions(Calls):
    """A method for each, as in `calls`."""

    def latest_date(self, product: str | None, now_is: datetime) -> date:
        return date.fromisoformat(self._value("latest_date", product, now_is))

    def status_of_day(self, on_date: date, of_domain: str | None, after: str, page: int, now_is: datetime) -> list[Row]:
        return self._rows(Row, "status_of_day", on_date, of_domain, after, page, now_is)

    def status_news(self, on_date: date, of_domain: str | None, since: str | None) -> StatusNews:
        return self._one(StatusNews, "status_news", on_date, of_domain, since)

    def snapshot_news(self, positions: Json, number: int, now_is: datetime) -> SnapshotNews:
        return self._one(SnapshotNews, "snapshot_news", positions, number, now_is)

    def status_of_products(
        self, on_date: date, of_domain: str | None, products: list[str], after: str, page: int, now_is: datetime
    ) -> list[Row]:
        return self._rows(Row, "status_of_products", on_date, of_domain, products, after, page, now_is)

    def describe_product(self, product: str, now_is: datetime) -> Json:
        return cast(Json, self._value("describe_product", product, now_is))

    def runs_page(
        self,
        product: str,
        first: date | None,
        last: date | None,
        of_cycle: str | None,
        before: str,
        page: int,
        now_is: datetime,
    ) -> list[Row]:
        return self._rows(Row, "runs_page", product, first, last, of_cycle, before, page, now_is)

    def open_runs_by_product(self, after: str, page: int) -> list[Row]:
        return self._rows(Row, "open_runs_by_product", after, page)

    def explain_run(self, product: str, on_date: date, of_cycle: str | None, now_is: datetime) -> Json:
        return cast(Json, self._value("explain_run", product, on_date, of_cycle, now_is))

    def condition_of(self, product: str, on_date: date, of_cycle: str | None) -> Json | None:
        return cast(Json | None, self._value("condition_of", product, on_date, of_cycle))

    def leaves_of_run(
        self, product: str, on_date: date, of_cycle: str | None, after: str, page: int, now_is: datetime
    ) -> list[Row]:
        return self._rows(Row, "leaves_of_run", product, on_date, of_cycle, after, page, now_is)

    def history_page(
        self, product: str | None, first: date, last: date, bound: str, page: int, newest_first: bool
    ) -> list[Row]:
        return self._rows(Row, "history_page", product, first, last, bound, page, newest_first)

    def changes_between(
        self, what: str | None, since: datetime, until: datetime | None, after: str, page: int
    ) -> list[Row]:
        return self._rows(Row, "changes_between", what, since, until, after, page)

    def current_load(self) -> CurrentLoad:
        return self._one(CurrentLoad, "current_load")

    def mesh_page(self, after: str, page: int) -> list[Row]:
        return self._rows(Row, "mesh_page", after, page)

    def freshness_page(self, of_domain: str | None, after: str, page: int) -> list[Row]:
        return self._rows(Row, "freshness_page", of_domain, after, page)

    def search_products(self, words: list[str], after: str, page: int) -> list[Row]:
        return self._rows(Row, "search_products", words, after, page)

    def products_with_errors(self, after: str, page: int, now_is: datetime) -> list[Row]:
        return self._rows(Row, "products_with_errors", after, page, now_is)

    def backfills(self, after: str, page: int) -> list[Row]:
        return self._rows(Row, "backfills", after, page)

    def landed_dates(self, of_backfill: int, after: str, page: int) -> list[Row]:
        return self._rows(Row, "landed_dates", of_backfill, after, page)

    def files_page(
        self, product: str | None, on_date: date | None, of_status: str | None, of_batch: int | None, of_name: str | None,
        before: str, page: int,
    ) -> list[Row]:  # fmt: skip
        return self._rows(Row, "files_page", product, on_date, of_status, of_batch, of_name, before, page)

    def forecast_columns(
        self, on_date: date, of_product: str | None, only_at_risk: bool, after: str, now_is: datetime
    ) -> list[Row]:
        return self._rows(Row, "forecast_columns", on_date, of_product, only_at_risk, after, now_is)

    def critical_path(
        self, of_product: str | None, on_date: date, of_cycle: str | None, now_is: datetime
    ) -> list[Json]:
        return cast(list[Json], self._value("critical_path", of_product, on_date, of_cycle, now_is))

    def describe_batch(self, of_batch: int) -> Json:
        return cast(Json, self._value("describe_batch", of_batch))

    def describe_file(self, number: int) -> Json:
        return cast(Json, self._value("describe_file", number))

    def sources(self, buckets: list[str], after: str, page: int) -> list[Row]:
        return self._rows(Row, "sources", buckets, after, page)

    def unmatched_files(self, page: int, now_is: datetime) -> list[Row]:
        return self._rows(Row, "unmatched_files", page, now_is)

    def outbox_health(self, now_is: datetime) -> OutboxHealth:
        return self._one(OutboxHealth, "outbox_health", now_is)

    def unused_signals(self, now_is: datetime) -> list[Json]:
        return cast(list[Json], self._value("unused_signals", now_is))

    def last_ticks(self) -> Json:
        return cast(Json, self._value("last_ticks"))

    def parked_effects(self, after: str, page: int) -> list[Row]:
        return self._rows(Row, "parked_effects", after, page)

    def alerts_page(
        self, product: str | None, of_domain: str | None, first: date, last: date, after: str, page: int
    ) -> list[Row]:
        return self._rows(Row, "alerts_page", product, of_domain, first, last, after, page)

    def mutes(self, now_is: datetime) -> list[Json]:
        return cast(list[Json], self._value("mutes", now_is))

    def mode(self) -> Json:
        """{shadow, since}"""
        return cast(Json, self._value("mode"))

    def shadow_page(
        self, first: date, last: date, of_domain: str | None, tolerance: int, after: str, page: int, now_is: datetime
    ) -> list[Row]:
        return self._rows(Row, "shadow_page", first, last, of_domain, tolerance, after, page, now_is)

    def shadow_days(
        self, first: date, last: date, of_domain: str | None, tolerance: int, now_is: datetime
    ) -> list[Json]:
        return cast(list[Json], self._value("shadow_days", first, last, of_domain, tolerance, now_is))

    def unmatched_job_runs(self, since: datetime, until: datetime, page: int) -> list[Json]:
        return cast(list[Json], self._value("unmatched_job_runs", since, until, page))

    def unseen_products(self, types: list[str], of_domain: str | None, page: int) -> list[str]:
        return cast(list[str], self._value("unseen_products", types, of_domain, page))

    def try_operation(self, request: Json, now_is: datetime) -> Operated:
        return self._one(Operated, "try_operation", request, now_is)
