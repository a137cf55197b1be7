"""The quality gate of one file in plain Python: the rules of its product, evaluated by DuckDB.

    table = read_csv(connection, path, columns=batch.columns)
    checks = evaluate(connection, table, batch.checks)
    if failed(checks):
        file.rejected("quality", checks=checks)

The rules are those of AWS Glue's Data Quality Definition Language (DQDL), as `headgate generate` has read them; a Glue Spark job gives the same texts to
`EvaluateDataQuality`. DuckDB comes into a job with `--additional-python-modules duckdb==...`.
"""

from __future__ import annotations

import operator
from typing import Any, Iterable

from headgate_jobs.metrics import BY_ROW, NO_COLUMN, metric
from headgate_jobs.tables import Table

COMPARISONS = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}  # fmt: skip


def evaluate(connection: Any, table: Table, checks: dict[str, Any]) -> list[dict[str, Any]]:
    """`[{rule, severity, passed, value, message}]` for the checks of a product: `{"reject": [{"rule", "test"}], "warn": [...]}`. Rows that are broken and
    columns that nobody expected are checks as well."""
    results = []
    if table.broken:
        message = f"{table.broken} rows do not have the {len(table.columns)} columns of the header"
        results.append(
            {
                "rule": "rows have the columns of the header",
                "severity": "reject",
                "passed": False,
                "value": table.broken,
                "message": message,
            }
        )
    if table.extra:
        message = "not expected: " + ", ".join(table.extra)
        results.append(
            {
                "rule": "no further columns",
                "severity": "warn",
                "passed": False,
                "value": len(table.extra),
                "message": message,
            }
        )
    for severity in ("reject", "warn"):
        for check in checks.get(severity, ()):
            passed, value, message = _outcome(connection, table, check["test"])
            results.append(
                {"rule": check["rule"], "severity": severity, "passed": passed, "value": value, "message": message}
            )
    return results


def failed(results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The checks for which the file is rejected."""
    return [each for each in results if each["severity"] == "reject" and not each["passed"]]


def _outcome(connection: Any, table: Table, test: dict[str, Any]) -> tuple[bool, float | None, str]:
    for word, all_or_any in (("and", all), ("or", any)):
        if word in test:
            parts = [_outcome(connection, table, each) for each in test[word]]
            return all_or_any(part[0] for part in parts), None, "; ".join(filter(None, (part[2] for part in parts)))
    unknown = [column for column in test["columns"] if test["type"] not in NO_COLUMN and column not in table.columns]
    if unknown:
        return False, None, f"the file has no column {', '.join(unknown)}"
    try:
        value = metric(connection, table, test)
    except Exception as error:  # noqa: BLE001 - the rule is the metadata's: whatever DuckDB says of it is said of the rule
        return False, None, str(error).splitlines()[0][:300]
    if value is None:
        return False, None, "there are no rows to check"
    must = test["threshold"] if test["threshold"] else None if test["type"] in BY_ROW else test["condition"]
    return _number_holds(value, must or {"operator": "=", "values": [{"number": 1.0}]}), value, ""


def _number_holds(value: float, condition: dict[str, Any]) -> bool:
    name: str = condition["operator"]
    numbers: list[float] = [each.get("number", each.get("duration")) for each in condition["values"]]
    if name.endswith("between"):  # leaves out both ends (AWS Glue, expressions of DQDL)
        return (numbers[0] < value < numbers[1]) != name.startswith("not")
    if name.endswith("in"):
        return (value in numbers) != name.startswith("not")
    return bool(COMPARISONS[name](value, numbers[0]))
