"""What a rule of DQDL compares, as SQL of DuckDB. Where null values count is taken from AWS Glue's reference of each rule type."""

from __future__ import annotations

import re
from typing import Any

from headgate_jobs.tables import Table, literal, quoted

TYPES = {
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "DOUBLE": "DOUBLE",
    "FLOAT": "FLOAT",
    "INTEGER": "INTEGER",
    "LONG": "BIGINT",
    "TIMESTAMP": "TIMESTAMP",
}
BLANK = {"NULL": "{x} IS NULL", "EMPTY": "{x} = ''", "WHITESPACES_ONLY": "({x} <> '' AND trim({x}) = '')"}
PRIMARY = re.compile(r'\b(from|join)\s+primary\b(?!")', re.IGNORECASE)


def metric(connection: Any, table: Table, test: dict[str, Any]) -> float | None:
    """What the rule's condition is compared with. A share of rows is from 0 to 1, and None of no rows."""
    kind, columns = test["type"], [quoted(column) for column in test["columns"]]
    if kind == "ColumnCount":
        return float(len(table.columns))
    if kind == "ColumnExists":
        return float(test["columns"][0] in table.columns)
    if kind == "ColumnNamesMatchPattern":
        return float(all(re.fullmatch(test["columns"][0], column) for column in table.columns))
    if kind == "CustomSql":
        connection.execute(f'CREATE OR REPLACE TEMP VIEW "primary" AS SELECT * FROM {quoted(table.name)}')
        sql = PRIMARY.sub(r'\1 "primary"', test["columns"][0])
    else:
        where = f"WHERE {test['where']}" if test["where"] else ""
        data = f"SELECT * FROM {quoted(table.name)} {where}"
        sql = f"WITH data AS ({data}) SELECT {METRICS[kind](test, columns)} FROM data"
    row = connection.execute(sql).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def _share(predicate: str) -> str:
    return f"avg(({predicate})::INT)"


def _number(column: str) -> str:
    return f"try_cast({column} AS DOUBLE)"


def _once(columns: list[str]) -> str:
    """How many rows have a key that no other row has."""
    key = ", ".join(columns)
    return f"(SELECT count(*) FILTER (WHERE n = 1) FROM (SELECT count(*) AS n FROM data GROUP BY {key}))"


def _complete(columns: list[str]) -> str:
    return " AND ".join(f"{column} IS NOT NULL" for column in columns)


def _entropy(column: str) -> str:
    return f"(SELECT -sum(p * ln(p)) FROM (SELECT count(*)::DOUBLE / sum(count(*)) OVER () AS p FROM data WHERE {column} IS NOT NULL GROUP BY {column}))"


def _values(test: dict[str, Any], columns: list[str]) -> str:
    return _share(_holds(columns[0], test["condition"]))


def _lengths(test: dict[str, Any], columns: list[str]) -> str:
    """A value that is null has the length 0 (AWS Glue, ColumnLength)."""
    return _share(
        _compared(
            f"length(coalesce({columns[0]}::VARCHAR, ''))", test["condition"], lambda value: repr(value["number"])
        )
    )


def _typed(test: dict[str, Any], columns: list[str]) -> str:
    """The share of the values that are not null."""
    casts = " OR ".join(
        f"try_cast({columns[0]} AS {TYPES[value['string'].upper()]}) IS NOT NULL"
        for value in test["condition"]["values"]
    )
    return f"avg(({casts})::INT) FILTER (WHERE {columns[0]} IS NOT NULL)"


METRICS: dict[str, Any] = {
    "RowCount": lambda test, columns: "count(*)",
    "IsComplete": lambda test, columns: _share(_complete(columns)),
    "Completeness": lambda test, columns: _share(_complete(columns)),
    "IsUnique": lambda test, columns: f"{_once(columns)} / nullif(count(*), 0)",
    "Uniqueness": lambda test, columns: f"{_once(columns)} / nullif(count(*), 0)",
    "UniqueValueRatio": lambda test, columns: f"{_once(columns)} / nullif(count(DISTINCT {columns[0]}), 0)",
    "IsPrimaryKey": lambda test, columns: f"least({_once(columns)} / nullif(count(*), 0), {_share(_complete(columns))})",
    "DistinctValuesCount": lambda test, columns: f"count(DISTINCT {columns[0]})",
    "Sum": lambda test, columns: f"sum({_number(columns[0])})",
    "Mean": lambda test, columns: f"avg({_number(columns[0])})",
    "StandardDeviation": lambda test, columns: f"stddev_pop({_number(columns[0])})",
    "Entropy": lambda test, columns: _entropy(columns[0]),
    "ColumnCorrelation": lambda test, columns: f"corr({_number(columns[0])}, {_number(columns[1])})",
    "DataFreshness": lambda test, columns: _share(
        _compared(f"epoch(current_timestamp::TIMESTAMP - try_cast({columns[0]} AS TIMESTAMP))", test["condition"], lambda value: repr(value["duration"]))
    ),
    "ColumnDataType": _typed,
    "ColumnLength": _lengths,
    "ColumnValues": _values,
}  # fmt: skip
NO_COLUMN = (
    "ColumnExists",
    "ColumnNamesMatchPattern",
    "CustomSql",
)  # what they name is no column of the file, or need not be
BY_ROW = (
    "ColumnDataType",
    "ColumnLength",
    "ColumnValues",
    "DataFreshness",
)  # their condition is of each row; all of them have to hold


def _holds(column: str, condition: dict[str, Any]) -> str:
    """A row's value by ColumnValues. A null holds for `!=` and `not in` alone, unless NULL is named (AWS Glue, ColumnValues)."""
    named = [
        BLANK[value["keyword"]].format(x=f"{column}::VARCHAR") for value in condition["values"] if "keyword" in value
    ]
    values = [value for value in condition["values"] if "keyword" not in value]
    operator = condition["operator"]
    if operator in ("=", "in", "!=", "not in"):
        negated = operator in ("!=", "not in")
        found = list(named)
        if values:
            left, write = _comparable(column, values)
            found.append(f"{left} IN ({', '.join(map(write, values))})")
        equal = f"coalesce({' OR '.join(found)}, false)"
        return f"NOT {equal}" if negated else equal
    left, write = _comparable(column, values)
    if operator.endswith("matches"):
        match = f"regexp_matches({column}::VARCHAR, {write(values[0])})"
        return f"coalesce({'NOT ' if operator.startswith('not') else ''}{match}, false)"
    return _compared(left, condition, write)


def _compared(left: str, condition: dict[str, Any], write: Any) -> str:
    """`between` leaves out both ends (AWS Glue, expressions of DQDL)."""
    operator, values = condition["operator"], [write(value) for value in condition["values"]]
    if operator.endswith("between"):
        inside = f"{left} > {values[0]} AND {left} < {values[1]}"
        return f"coalesce({'NOT ' if operator.startswith('not') else ''}({inside}), false)"
    if operator.endswith("in"):
        inside = f"{left} IN ({', '.join(values)})"
        return f"coalesce({'NOT ' if operator.startswith('not') else ''}({inside}), false)"
    return f"coalesce({left} {'<>' if operator == '!=' else operator} {values[0]}, false)"


def _comparable(column: str, values: list[dict[str, Any]]) -> tuple[str, Any]:
    """The column as the kind of the values, and how a value of that kind is written."""
    if "number" in values[0]:
        return _number(column), lambda value: repr(value["number"])
    if any("now" in value or "date" in value for value in values):
        return f"try_cast({column} AS TIMESTAMP)", _moment
    return f"{column}::VARCHAR", lambda value: literal(value["string"])


def _moment(value: dict[str, Any]) -> str:
    if "now" in value:
        return f"(current_timestamp::TIMESTAMP + to_seconds({value['now']!r}))"
    return f"TIMESTAMP {literal(value['date'])}"
