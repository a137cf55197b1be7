"""Files as tables of DuckDB: every column by its name, and nothing guessed from the content."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass, replace
from typing import Any


class DriftError(Exception):
    """The file does not have the columns that are expected; says which."""


@dataclass(frozen=True)
class Table:
    """A file that DuckDB holds as a table. `broken` are rows that do not have the file's columns; they are not in the table."""

    name: str
    columns: tuple[str, ...]
    rows: int
    broken: int
    extra: tuple[str, ...] = ()


def read_csv(
    connection: Any,
    path: str,
    delimiter: str = ",",
    quote: str = '"',
    encoding: str = "utf-8",
    columns: dict[str, Any] | None = None,
    name: str = "file",
) -> Table:
    """Reads a CSV file with a header, gzipped where its name ends in `.gz`, every column as text. Nothing is guessed from the content. `columns` is what
    the metadata expects: `{"expected": [...], "extra": "allow" | "warn" | "reject"}`. Raises `DriftError`."""
    header = _header(path, delimiter, quote, encoding)
    extra = _drift(header, columns or {})
    spec = "{" + ", ".join(f"{literal(column)}: 'VARCHAR'" for column in header) + "}"
    connection.execute(
        f"CREATE OR REPLACE TABLE {quoted(name)} AS SELECT * FROM read_csv({literal(path)}, auto_detect = false, header = true, columns = {spec}, "
        f"delim = {literal(delimiter)}, quote = {literal(quote)}, escape = {literal(quote)}, encoding = {literal(encoding)}, "
        f"store_rejects = true, rejects_table = 'broken_rows', rejects_scan = 'broken_scans')"
    )
    broken = connection.execute("SELECT count(DISTINCT line) FROM broken_rows").fetchone()[0]
    connection.execute("DROP TABLE broken_rows; DROP TABLE broken_scans")
    return _table(connection, name, broken, extra)


def read_parquet(connection: Any, path: str, columns: dict[str, Any] | None = None, name: str = "file") -> Table:
    """Reads a Parquet file with its own types. Raises `DriftError`."""
    connection.execute(f"CREATE OR REPLACE TABLE {quoted(name)} AS SELECT * FROM read_parquet({literal(path)})")
    table = _table(connection, name, 0, ())
    return replace(table, extra=_drift(table.columns, columns or {}))


def _header(path: str, delimiter: str, quote: str, encoding: str) -> tuple[str, ...]:
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        header = tuple(next(csv.reader(file, delimiter=delimiter, quotechar=quote), []))
    if not header:
        raise DriftError("the file has no header")
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise DriftError(f"the header names {', '.join(twice)} more than once")
    return header


def _drift(header: tuple[str, ...], columns: dict[str, Any]) -> tuple[str, ...]:
    """The columns that nobody expects and that are worth a warning."""
    expected = columns.get("expected")
    if expected is None:
        return ()
    missing = [column for column in expected if column not in header]
    if missing:
        raise DriftError(f"the file has no column {', '.join(missing)}; it has {', '.join(header)}")
    extra = tuple(column for column in header if column not in expected)
    if extra and columns.get("extra", "warn") == "reject":
        raise DriftError(f"the file has columns that are not expected: {', '.join(extra)}")
    return extra if columns.get("extra", "warn") == "warn" else ()


def _table(connection: Any, name: str, broken: int, extra: tuple[str, ...]) -> Table:
    columns = tuple(row[0] for row in connection.execute(f"DESCRIBE {quoted(name)}").fetchall())
    rows = connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0]
    return Table(name, columns, rows, broken, extra)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
