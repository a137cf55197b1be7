"""What PostgreSQL does for a call of the state: the scans of every statement in it, also of those inside functions and triggers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from headgate.local.data_api_values import parameter, to_placeholders
from state.database import Database
from tests.state_acting import Acting

# Their rows do not come and go with the runs: one for each product, dependency, step, ...
OF_CATALOG = {
    "calendar",
    "catalog_load",
    "catalog_stage",
    "data_pipeline_config",
    "data_pipeline_parameters",
    "data_product",
    "data_product_dependencies",
    "data_product_schedule",
    "incoming",
    "landing_bucket",
    "landing_source",
    "usual_time",
}
SETTINGS = {
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "client_min_messages": "log",
}


@dataclass(frozen=True)
class Scan:
    """One node of a plan that reads a table. `keyed`: it goes by an index from given values, and reads no more than those have."""

    statement: str
    table: str
    node: str
    index: str | None
    keyed: bool
    examined: int

    def __str__(self) -> str:
        return f"{self.node} {self.index or ''} on {self.table}, {self.examined} rows: {' '.join(self.statement.split())[:200]}"


class Explained(Database):
    """The state database, reached directly. What a call changes is taken back after it; `scans` are those of the last call."""

    def __init__(self, dsn: str, **settings: str) -> None:
        self.connection = psycopg.connect(dsn)
        self._notices: list[str] = []
        self.connection.add_notice_handler(lambda notice: self._notices.append(notice.message_primary or ""))
        self.connection.execute("LOAD 'auto_explain'")
        for name, value in (SETTINGS | settings).items():
            self.connection.execute(f"SET {name} = {value}")
        self.connection.commit()
        self.scans: list[Scan] = []

    @property
    def state(self) -> Acting:
        return Acting(self)

    def execute(
        self, sql: str, parameters: list[dict[str, Any]] | None = None, transaction: str | None = None
    ) -> list[Any]:
        values, casts = {}, {}
        for each in parameters or []:
            values[each["name"]], casts[each["name"]] = parameter(each)
        self._notices.clear()
        rows = self.connection.execute(to_placeholders(sql, casts), values).fetchall()
        self.connection.rollback()
        self.scans = [scan for text in self._notices if "plan:" in text for scan in _scans(text)]
        return [[{"isNull": True} if each is None else {"stringValue": str(each)} for each in row] for row in rows]


def _scans(notice: str) -> Iterator[Scan]:
    explained = json.loads(notice[notice.index("{") :])
    for node in _nodes(explained["Plan"]):
        if "Relation Name" in node and node["Node Type"] not in ("ModifyTable", "Bitmap Index Scan"):
            loops = node["Actual Loops"]
            removed = sum(value for key, value in node.items() if key.startswith("Rows Removed by"))
            by_index = [each for each in _nodes(node) if "Index Name" in each]
            yield Scan(
                explained["Query Text"],
                node["Relation Name"],
                node["Node Type"],
                by_index[0]["Index Name"] if by_index else None,
                any("Index Cond" in each for each in by_index),
                round((node["Actual Rows"] + removed) * loops),
            )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)
