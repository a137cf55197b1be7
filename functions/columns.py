"""Rows as columns: an answer of many rows names each field once, and each text that repeats once."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

Entry = dict[str, Any]


def columns(rows: Sequence[Entry], on_date: date) -> Entry:
    """{rows: how many, columns: {<field>: column}}. `values` of a column has a value for each row, null where the row has none; with `at`, only for the
    rows of these numbers. With `of`, values are numbers of the elements of `of`. Moments, in fields that end in `_at` or `_until`, are seconds after the
    midnight in UTC with which the business date begins. In lists a product that has a row is the number of its first row."""
    midnight = datetime(on_date.year, on_date.month, on_date.day, tzinfo=UTC)
    fields = dict.fromkeys(field for row in rows for field in row)
    numbers = {row["product"]: number for number, row in reversed(list(enumerate(rows)))}

    def short(field: str, value: Any) -> Any:
        if field.endswith(("_at", "_until")):
            return _seconds(value, midnight)
        return (
            [numbers.get(each, each) if isinstance(each, str) else each for each in value]
            if isinstance(value, list)
            else value
        )

    return {
        "rows": len(rows),
        "columns": {
            field: _column(
                {number: short(field, row[field]) for number, row in enumerate(rows) if field in row}, len(rows)
            )
            for field in fields
        },
    }


def _column(found: dict[int, Any], rows: int) -> Entry:
    column: Entry = {}
    if len(found) * 2 < rows:
        column["at"] = list(found)
        values = list(found.values())
    else:
        values = [found.get(number) for number in range(rows)]
    texts = {json.dumps(value): value for value in found.values() if not isinstance(value, int | float)}
    if texts and len(texts) * 2 <= len(found):
        numbers = {text: number for number, text in enumerate(texts)}
        column["of"] = list(texts.values())
        values = [None if value is None else numbers[json.dumps(value)] for value in values]
    return {**column, "values": values}


def _seconds(moment: str, midnight: datetime) -> float:
    seconds = (datetime.fromisoformat(moment) - midnight).total_seconds()
    return int(seconds) if seconds == int(seconds) else seconds
