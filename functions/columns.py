"""Rows as columns, and columns as rows: an answer of many rows names each field once, and each text that repeats once."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
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


def rows(given: Entry, on_date: date) -> list[Entry]:
    """The rows of which these are the columns. A moment may be written otherwise than in them."""
    midnight = datetime(on_date.year, on_date.month, on_date.day, tzinfo=UTC)
    found: list[Entry] = [{} for _ in range(given["rows"])]
    for field, column in given["columns"].items():
        is_moment, of = field.endswith(("_at", "_until")), column.get("of")
        places = column.get("at", range(len(found)))
        for place, value in zip(places, column["values"], strict=True):
            if value is not None:
                meant = of[value] if of else value
                found[place][field] = (midnight + timedelta(seconds=meant)).isoformat() if is_moment else meant
    names = [row["product"] for row in found]
    for row in found:
        for field, value in row.items():
            if isinstance(value, list):
                row[field] = [names[each] if type(each) is int else each for each in value]
    return found


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
