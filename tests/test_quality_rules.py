"""Rules of data quality are read before they are deployed, and refused in words where they cannot be checked."""

import pytest

from headgate.generator.quality.rules import RuleError, parse
from tests.golden import FOLDER, expect

WRONG = [
    "",
    "RowCount",
    "RowCount >",
    'RowCount > "a"',
    "RowCount > 0)",
    "rowcount > 0",
    "NoNulls",
    "IsComplete",
    "IsComplete 'a'",
    'IsComplete "a',
    'IsComplete "a" > 3',
    'IsComplete "a" "b"',
    'Mean "a" > 3 with threshold > 0.5',
    "RowCount > avg(last(10))",
    'DatasetMatch "reference" "id" > 0.9',
    'DetectAnomalies "RowCount"',
    "FileSize > 3",
    'ColumnValues "a"',
    'ColumnValues "a" in ["x", 3]',
    'ColumnValues "a" > NULL',
    'ColumnValues "a" > "b"',
    'ColumnValues "a" > 3 days',
    'ColumnValues "a" in ["x"] with threshold > "most"',
    'ColumnDataType "a" = "TEXT"',
    'ColumnDataType "a" != "DATE"',
    'DataFreshness "a" <= 3',
    '(IsComplete "a") and IsUnique',
]  # fmt: skip


def test_what_cannot_be_checked_is_refused_in_words() -> None:
    said = []
    for rule in WRONG:
        with pytest.raises(RuleError) as refused:
            parse(rule)
        said.append(f"{rule or '(empty)'}\n    {refused.value}\n")
    expect(FOLDER / "quality_rules.txt", "".join(said).encode())


def test_a_rule_is_read_with_its_condition_and_threshold() -> None:
    assert parse('ColumnValues "region" in ["EU", "US"] with threshold > 0.99') == {
        "type": "ColumnValues",
        "columns": ["region"],
        "condition": {"operator": "in", "values": [{"string": "EU"}, {"string": "US"}]},
        "where": None,
        "threshold": {"operator": ">", "values": [{"number": 0.99}]},
    }


def test_rules_are_combined_as_their_brackets_say() -> None:
    rule = parse('(IsComplete "a") and ((RowCount > 1) or (IsUnique "b"))')
    assert [each.get("type", "or") for each in rule["and"]] == ["IsComplete", "or"]
    assert [each["type"] for each in rule["and"][1]["or"]] == ["RowCount", "IsUnique"]


def test_words_of_the_language_are_values_and_no_columns() -> None:
    assert parse("Completeness of cusip > 0.98")["columns"] == ["cusip"]
    assert parse('ColumnValues "x" not in [NULL, empty]')["condition"] == {
        "operator": "not in",
        "values": [{"keyword": "NULL"}, {"keyword": "EMPTY"}],
    }


def test_dates_and_moments_are_compared_as_such() -> None:
    since = parse('ColumnValues "d" between (now() - 3 days) and now()')["condition"]
    assert since["values"] == [{"now": -259200.0}, {"now": 0.0}]
    assert parse('ColumnValues "d" > "2026-11-20"')["condition"]["values"] == [{"date": "2026-11-20 00:00:00"}]
    assert parse('DataFreshness "d" <= 36 hours')["condition"]["values"] == [{"duration": 129600.0}]


def test_quotes_in_a_text_are_escaped_by_a_backslash() -> None:
    assert parse(r'ColumnValues "say \"it\"" matches "^\\d+$"')["columns"] == ['say "it"']
