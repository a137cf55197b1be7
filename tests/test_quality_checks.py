"""The quality gate of a file: its columns by name, and its rules, on files as senders really make them."""

import ast
import gzip
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headgate.generator.quality.rules import parse
from headgate_jobs.checks import evaluate, failed
from headgate_jobs.tables import DriftError, Table, read_csv, read_parquet

POSITIONS = "account_id,region,qty,traded\nA1,EU,10,2026-11-20\nA2,US,20,2026-11-20\nA3,,30,2026-11-19\nA3,XX,x,\n"
EXPECTED = {"expected": ["account_id", "region", "qty", "traded"]}


@pytest.fixture(name="connection")
def _connection() -> Any:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture(name="positions")
def _positions(connection: Any, tmp_path: Path) -> Table:
    return read_csv(connection, written(tmp_path, POSITIONS), columns=EXPECTED)


def written(folder: Path, text: str, encoding: str = "utf-8") -> str:
    path = folder / "positions.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


def outcome(connection: Any, table: Table, rule: str) -> dict[str, Any]:
    return evaluate(connection, table, {"reject": [{"rule": rule, "test": parse(rule)}]})[-1]


@pytest.mark.parametrize(
    ("rule", "passed", "value"),
    [
        ("RowCount = 4", True, 4),
        ("RowCount between 4 and 10", False, 4),  # both ends are left out
        ("RowCount not between 4 and 10", True, 4),
        ("RowCount > 0 where \"region = 'EU'\"", True, 1),
        ("ColumnCount = 4", True, 4),
        ('ColumnExists "qty"', True, 1),
        ('ColumnExists "cusip"', False, 0),
        ('ColumnNamesMatchPattern "[a-z_]+"', True, 1),
        ('IsComplete "account_id"', True, 1),
        ('IsComplete "region"', False, 0.75),
        ('Completeness "region" > 0.7', True, 0.75),
        ('IsUnique "account_id"', False, 0.5),
        ('Uniqueness "account_id" "region" = 1', True, 1),
        ('UniqueValueRatio "account_id" > 0.6', True, 2 / 3),
        ('DistinctValuesCount "account_id" = 3', True, 3),
        ('IsPrimaryKey "account_id" "qty"', True, 1),
        ('IsPrimaryKey "account_id" "region"', False, 0.75),
        ('Sum "qty" = 60', True, 60),
        ('Mean "qty" between 19 and 21', True, 20),
        ('StandardDeviation "qty" < 9', True, 8.16496580927726),
        ('Entropy "account_id" > 1', True, 1.0397207708399179),
        ('ColumnLength "account_id" = 2', True, 1),
        ('ColumnLength "region" < 3', True, 1),  # a null has the length 0
        ('ColumnLength "region" > 1', False, 0.75),
        ('ColumnDataType "qty" = "INTEGER"', False, 0.75),
        ('ColumnDataType "traded" = "DATE"', True, 1),  # nulls have no type
        ('ColumnDataType "qty" = "INTEGER" with threshold > 0.7', True, 0.75),
        ('ColumnValues "region" in ["EU","US","XX"]', False, 0.75),  # a null is none of them
        ('ColumnValues "region" in ["EU","US","XX",NULL]', True, 1),
        ('ColumnValues "region" not in ["JP"]', True, 1),  # and passes where values are excluded
        ('ColumnValues "region" != "EU"', False, 0.75),
        ('ColumnValues "region" != NULL', False, 0.75),
        ('ColumnValues "qty" > 5', False, 0.75),  # a text is no number
        ('ColumnValues "qty" > 5 with threshold >= 0.75', True, 0.75),
        ('ColumnValues "qty" in [10, 20, 30] with threshold > 0.7', True, 0.75),
        ('ColumnValues "account_id" matches "^A[0-9]$"', True, 1),
        ('ColumnValues "account_id" not matches "^B"', True, 1),
        ('ColumnValues "traded" > "2026-11-18" with threshold > 0.7', True, 0.75),
        ('ColumnValues "traded" < now() with threshold > 0.7', True, 0.75),
        ('CustomSql "select count(*) from primary where region is null" < 2', True, 1),
        ('(IsComplete "account_id") and (RowCount > 3)', True, None),
        ('(IsComplete "region") or (RowCount > 3)', True, None),
    ],
)  # fmt: skip
def test_a_rule_has_its_value_and_passes_or_fails(
    connection: Any, positions: Table, rule: str, passed: bool, value: float | None
) -> None:
    found = outcome(connection, positions, rule)
    assert (found["passed"], found["message"]) == (passed, "")
    assert found["value"] == (value if value is None else pytest.approx(value))


def test_a_rule_about_a_column_that_is_not_there_says_so(connection: Any, positions: Table) -> None:
    found = outcome(connection, positions, 'IsComplete "cusip"')
    assert (found["passed"], found["message"]) == (False, "the file has no column cusip")


def test_an_error_of_the_metadata_s_sql_fails_its_rule_alone(connection: Any, positions: Table) -> None:
    found = outcome(connection, positions, 'CustomSql "select nothing from primary" > 1')
    assert not found["passed"]
    assert "nothing" in found["message"]


@pytest.mark.parametrize(
    "rule", ['IsComplete "account_id"', 'ColumnValues "qty" > 0', 'Mean "qty" > 0', 'IsUnique "qty"']
)
def test_no_rows_are_no_proof(connection: Any, tmp_path: Path, rule: str) -> None:
    table = read_csv(connection, written(tmp_path, "account_id,region,qty,traded\n"), columns=EXPECTED)
    found = outcome(connection, table, rule)
    assert (found["passed"], found["message"]) == (False, "there are no rows to check")
    assert outcome(connection, table, "RowCount = 0")["passed"]


def test_columns_in_another_order_are_found_by_their_names(connection: Any, tmp_path: Path) -> None:
    table = read_csv(
        connection, written(tmp_path, "qty,account_id,traded,region\n10,A1,2026-11-20,EU\n"), columns=EXPECTED
    )
    assert connection.execute('SELECT account_id, qty FROM "file"').fetchall() == [("A1", "10")]
    assert outcome(connection, table, 'ColumnValues "region" = "EU"')["passed"]


def test_ragged_rows_reject_the_file_and_are_counted(connection: Any, tmp_path: Path) -> None:
    ragged = POSITIONS + "A4,EU\nA5,EU,1,2026-11-20,more\nA6,EU,2,2026-11-20\n"
    table = read_csv(connection, written(tmp_path, ragged), columns=EXPECTED)
    assert (table.rows, table.broken) == (5, 2)
    (found,) = failed(evaluate(connection, table, {}))
    assert found["message"] == "2 rows do not have the 4 columns of the header"


def test_a_byte_order_mark_is_no_part_of_the_first_column(connection: Any, tmp_path: Path) -> None:
    table = read_csv(connection, written(tmp_path, POSITIONS, "utf-8-sig"), columns=EXPECTED)
    assert table.columns[0] == "account_id"
    assert table.rows == 4


def test_gzip_delimiters_and_line_breaks_in_quotes_are_read(connection: Any, tmp_path: Path) -> None:
    path = tmp_path / "positions.csv.gz"
    path.write_bytes(gzip.compress(b'account_id;note\nA1;"two\nlines; and a ""quote"""\n'))
    table = read_csv(connection, str(path), delimiter=";")
    assert (table.rows, table.broken) == (1, 0)
    assert connection.execute('SELECT note FROM "file"').fetchone() == ('two\nlines; and a "quote"',)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("", {}, "the file has no header"),
        ("a,b,a\n1,2,3\n", {}, "the header names a more than once"),
        ("a,b\n", {"expected": ["a", "c"]}, "the file has no column c; it has a, b"),
        ("a,b,c\n", {"expected": ["a"], "extra": "reject"}, "the file has columns that are not expected: b, c"),
    ],
)
def test_drift_is_said_by_name(
    connection: Any, tmp_path: Path, text: str, columns: dict[str, Any], message: str
) -> None:
    with pytest.raises(DriftError) as refused:
        read_csv(connection, written(tmp_path, text), columns=columns)
    assert str(refused.value) == message


@pytest.mark.parametrize(("extra", "warned"), [("warn", ["not expected: qty, traded"]), ("allow", [])])
def test_further_columns_warn_where_metadata_says_so(
    connection: Any, tmp_path: Path, extra: str, warned: list[str]
) -> None:
    columns = {"expected": ["account_id", "region"], "extra": extra}
    table = read_csv(connection, written(tmp_path, POSITIONS), columns=columns)
    found = evaluate(connection, table, {})
    assert [each["message"] for each in found] == warned
    assert failed(found) == []


def test_parquet_keeps_its_types(connection: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "positions.parquet")
    connection.execute(
        f"COPY (SELECT 'A1' AS account_id, 10 AS qty, DATE '2026-11-20' AS traded) TO '{path}' (FORMAT parquet)"
    )
    table = read_parquet(connection, path, {"expected": ["account_id", "qty", "traded"]})
    assert outcome(connection, table, 'Sum "qty" = 10')["passed"]
    assert outcome(connection, table, 'ColumnValues "traded" = "2026-11-20"')["passed"]
    with pytest.raises(DriftError, match="no column cusip"):
        read_parquet(connection, path, {"expected": ["cusip"]})


def test_the_package_for_jobs_runs_on_glue_s_python_shell() -> None:
    for module in Path(__file__).parent.parent.glob("jobs/headgate_jobs/*.py"):
        ast.parse(module.read_text("utf-8"), module.name, feature_version=(3, 9))
