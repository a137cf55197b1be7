"""One rule of DQDL as a value: what the job's checks evaluate, and what is refused before it is deployed.

Only the rules are taken that one file by itself can be checked by. What compares with other data sets or with earlier runs needs AWS Glue's own
evaluation of a whole table.
"""

from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

import lark

Test = dict[str, Any]

SECONDS = {"days": 86400, "hours": 3600, "minutes": 60}
NUMBER, DURATION, TEXT, ANY, NOTHING = (
    "a number",
    "a duration such as 3 days",
    "a text or a list of texts",
    "a condition",
    "nothing",
)
ELSEWHERE = {
    "other data": ("AggregateMatch", "DatasetMatch", "ReferentialIntegrity", "RowCountMatch", "SchemaMatch"),
    "earlier runs": ("AllStatistics", "DetectAnomalies"),
    "the objects in S3": ("FileFreshness", "FileMatch", "FileSize", "FileUniqueness"),
}
DATA_TYPES = ("BOOLEAN", "DATE", "DOUBLE", "FLOAT", "INTEGER", "LONG", "TIMESTAMP")


@dataclass(frozen=True, slots=True)
class Type:
    """A rule type: how many columns it names (`most` None: any number), what its condition compares, and whether it may name a threshold."""

    least: int
    most: int | None
    compares: str
    threshold: bool = False


TYPES = {
    "ColumnCorrelation": Type(2, 2, NUMBER),
    "ColumnCount": Type(0, 0, NUMBER),
    "ColumnDataType": Type(1, 1, TEXT, threshold=True),
    "ColumnExists": Type(1, 1, NOTHING),
    "ColumnLength": Type(1, 1, NUMBER),
    "ColumnNamesMatchPattern": Type(1, 1, NOTHING),
    "ColumnValues": Type(1, 1, ANY, threshold=True),
    "Completeness": Type(1, 1, NUMBER),
    "CustomSql": Type(1, 1, NUMBER),
    "DataFreshness": Type(1, 1, DURATION),
    "DistinctValuesCount": Type(1, 1, NUMBER),
    "Entropy": Type(1, 1, NUMBER),
    "IsComplete": Type(1, 1, NOTHING),
    "IsPrimaryKey": Type(1, None, NOTHING),
    "IsUnique": Type(1, 1, NOTHING),
    "Mean": Type(1, 1, NUMBER),
    "RowCount": Type(0, 0, NUMBER),
    "StandardDeviation": Type(1, 1, NUMBER),
    "Sum": Type(1, 1, NUMBER),
    "UniqueValueRatio": Type(1, 1, NUMBER),
    "Uniqueness": Type(1, None, NUMBER),
}  # fmt: skip


class RuleError(ValueError):
    """The text is no rule that can be checked; says what was found and what was expected."""


def parse(text: str) -> Test:
    """The rule as JSON: `{"and": [...]}`, `{"or": [...]}`, or `{"type", "columns", "condition", "where", "threshold"}`. Raises `RuleError`."""
    try:
        tree = _parser().parse(text)
    except lark.UnexpectedInput as error:
        raise RuleError(_unexpected(text, error)) from None
    try:
        return _Reader().transform(tree)  # type: ignore[no-any-return]
    except lark.exceptions.VisitError as error:
        raise error.orig_exc from None


@cache
def _parser() -> lark.Lark:
    return lark.Lark(files(__package__).joinpath("dqdl.lark").read_text("utf-8"), parser="lalr")


def _unexpected(text: str, error: lark.UnexpectedInput) -> str:
    at = error.pos_in_stream
    if at is None or at < 0 or (isinstance(error, lark.UnexpectedToken) and error.token.type == "$END"):
        return "the rule ends too early"
    quotes = "; texts stand in double quotes" if text[at] in "'\"" else ""
    return f"not understood from column {at + 1}: {text[at : at + 30]}{quotes}"


class _Reader(lark.Transformer[Any, Any]):
    """From the tree of the grammar to the test, checked against `TYPES`."""

    def STRING(self, token: lark.Token) -> str:  # noqa: N802 - named as the terminal is
        return token[1:-1].replace('\\"', '"').replace("\\\\", "\\")

    def NAME(self, token: lark.Token) -> str:  # noqa: N802
        return str(token)

    def conjunction(self, rules: list[Test]) -> Test:
        return {"and": rules}

    def alternatives(self, rules: list[Test]) -> Test:
        return {"or": rules}

    def rule(self, parts: list[Any]) -> Test:
        name, *rest = parts
        named = dict(each for each in rest if each[0] != "column")
        test = {
            "type": name,
            "columns": [each[1] for each in rest if each[0] == "column"],
            "condition": named.get("condition"),
            "where": named.get("where"),
            "threshold": named.get("threshold"),
        }
        _check(test)
        return test

    def column(self, parts: list[str]) -> tuple[str, str]:
        return "column", parts[0]

    def where(self, parts: list[str]) -> tuple[str, str]:
        return "where", parts[0]

    def threshold(self, parts: list[tuple[str, Any]]) -> tuple[str, Any]:
        condition = parts[0][1]
        _require(condition, "number", "a threshold compares with a number, such as `with threshold > 0.9`")
        return "threshold", condition

    def between(self, parts: list[Any]) -> tuple[str, Any]:
        return _condition("between", parts)

    def one_of(self, parts: list[Any]) -> tuple[str, Any]:
        return _condition("in", parts)

    def matches(self, parts: list[Any]) -> tuple[str, Any]:
        return _condition("matches", [parts[0], {"string": parts[1]}])

    def compares(self, parts: list[Any]) -> tuple[str, Any]:
        return "condition", {"operator": str(parts[0]), "values": parts[1:]}

    def number(self, parts: list[str]) -> dict[str, float]:
        return {"number": float(parts[0])}

    def string(self, parts: list[str]) -> dict[str, str]:
        return {"string": parts[0]}

    def KEYWORD(self, token: lark.Token) -> dict[str, str]:  # noqa: N802
        return {"keyword": token.upper()}

    def now(self, parts: list[str]) -> dict[str, float]:
        return {"now": float(f"{parts[0]}{parts[1]}") * SECONDS[parts[2]] if parts else 0.0}

    def duration(self, parts: list[str]) -> dict[str, float]:
        return {"duration": float(parts[0]) * SECONDS[parts[1]]}

    def call(self, parts: list[Any]) -> Any:
        raise RuleError(
            "a number is expected; functions such as avg(last(10)) need earlier runs, and a file is checked by itself"
        )


def _condition(operator: str, parts: list[Any]) -> tuple[str, Any]:
    negated, *values = parts
    return "condition", {"operator": f"not {operator}" if negated else operator, "values": values}


def _check(test: Test) -> None:
    name, columns, condition = test["type"], test["columns"], test["condition"]
    kind = TYPES.get(name)
    if kind is None:
        raise RuleError(_unknown(name))
    if len(columns) < kind.least or (kind.most is not None and len(columns) > kind.most):
        expected = f"{kind.least}" if kind.least == kind.most else f"{kind.least} or more"
        raise RuleError(f"{name} names {len(columns)} columns; it takes {expected}")
    if kind.compares == NOTHING and condition:
        raise RuleError(f"{name} takes no condition")
    if kind.compares != NOTHING and not condition:
        raise RuleError(
            f"{name} needs {kind.compares if kind.compares == ANY else f'a condition with {kind.compares}'}"
        )
    if test["threshold"] and not kind.threshold:
        raise RuleError(f"{name} takes no threshold")
    if kind.compares in REQUIRED:
        _require(condition, REQUIRED[kind.compares], f"{name} is compared with {kind.compares}")
    if name == "ColumnDataType":
        unknown = [value["string"] for value in condition["values"] if value["string"].upper() not in DATA_TYPES]
        if unknown or condition["operator"] not in ("=", "in"):
            raise RuleError(f"ColumnDataType is compared by = or in with one of {', '.join(DATA_TYPES)}")
    if name == "ColumnValues":
        _comparable(condition)


REQUIRED = {NUMBER: "number", DURATION: "duration", TEXT: "string"}


def _require(condition: dict[str, Any], kind: str, message: str) -> None:
    if any(kind not in value for value in condition["values"]):
        raise RuleError(message)


def _comparable(condition: dict[str, Any]) -> None:
    """Values of one kind; keywords may stand beside texts and numbers, and alone only with = and !=."""
    kinds = {next(iter(value)) for value in condition["values"]}
    if "duration" in kinds:
        raise RuleError("ColumnValues is not compared with a duration; write (now() - 3 days)")
    if len(kinds - {"keyword"} - ({"string"} if "now" in kinds else set())) > 1:
        raise RuleError(f"ColumnValues is compared with values of one kind, not with {' and '.join(sorted(kinds))}")
    if condition["operator"] in ("=", "!=", "in", "not in") or condition["operator"].endswith("matches"):
        return
    if "keyword" in kinds:
        raise RuleError("NULL, EMPTY and WHITESPACES_ONLY are compared by =, !=, in and not in")
    condition["values"] = [
        {"date": _date(value["string"])} if "string" in value else value for value in condition["values"]
    ]


def _date(text: str) -> str:
    try:
        return datetime.fromisoformat(text).isoformat(sep=" ")
    except ValueError:
        raise RuleError(
            f'"{text}" is neither a number nor a date such as "2026-11-20"; only these are greater or less'
        ) from None


def _unknown(name: str) -> str:
    for needs, names in ELSEWHERE.items():
        if name in names:
            return f"{name} needs {needs}; a file is checked by itself"
    if close := get_close_matches(name.casefold(), [known.casefold() for known in TYPES], 1):
        meant = next(known for known in TYPES if known.casefold() == close[0])
        return f"{name} is no rule type; did you mean {meant}?"
    return f"{name} is no rule type; there are {', '.join(TYPES)}"
