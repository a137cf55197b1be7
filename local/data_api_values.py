"""Values, types and the SQL text of the Data API: `:name` parameters in, fields out."""

import base64
import json
import re
from datetime import UTC, date, datetime
from datetime import time as clock_time
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.postgres import types

STATUS = {
    "BadRequestException": 400,
    "DatabaseErrorException": 400,
    "DatabaseUnavailableException": 504,
    "StatementTimeoutException": 400,
    "TransactionNotFoundException": 404,
    "UnsupportedResultException": 400,
}
# A parameter has the type its field says; only a hint makes a string something else.
HINTS = {
    "DATE": "date",
    "DECIMAL": "numeric",
    "JSON": "jsonb",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "UUID": "uuid",
}
FORMATS = {
    "DATE": re.compile(r"\d{4}-\d\d-\d\d"),
    "TIME": re.compile(r"\d\d:\d\d:\d\d(\.\d{1,3})?"),
    "TIMESTAMP": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?"),
}


class ApiError(Exception):
    """An error of the service: its code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def status(self) -> int:
        return STATUS[self.code]


def parameter(given: dict[str, Any]) -> tuple[Any, str]:
    """The value of a SqlParameter and the PostgreSQL type it has."""
    value, name = given.get("value", {}), given.get("name")
    if not name or len(value) != 1:
        raise ApiError("BadRequestException", f"Parameter {name!r} needs a name and exactly one value")
    kind, content = next(iter(value.items()))
    hint = given.get("typeHint")
    if hint is not None and hint not in HINTS:
        raise ApiError("BadRequestException", f"Unknown typeHint {hint}")
    if kind == "isNull":
        return None, HINTS.get(hint or "", "text")
    if kind == "stringValue":
        if hint in FORMATS and not FORMATS[hint].fullmatch(content):
            raise ApiError("BadRequestException", f"Parameter {name!r}: {content!r} is not in the format of {hint}")
        return content, HINTS.get(hint or "", "text")
    if kind == "longValue":
        return int(content), "bigint"
    if kind == "doubleValue":
        return float(content), "double precision"
    if kind == "booleanValue":
        return bool(content), "boolean"
    if kind == "blobValue":
        return base64.b64decode(content), "bytea"
    if kind == "arrayValue":
        raise ApiError("BadRequestException", "Array parameters are not supported")
    raise ApiError("BadRequestException", f"Parameter {name!r} has no value of a known type")


# What a `:name` or `;` may stand in without meaning anything: strings, quoted names, comments, dollar quotes.
_TOKENS = re.compile(
    r"""(?P<skip>'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$|::)"""
    r"""|:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<end>;)|(?P<percent>%)""",
    re.DOTALL,
)


def to_placeholders(sql: str, casts: dict[str, str]) -> str:
    """The statement with psycopg's placeholders, each cast to its parameter's type."""
    missing: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match["skip"]:
            return match["skip"].replace("%", "%%")
        if match["percent"]:
            return "%%"
        if match["end"]:
            if sql[match.end() :].strip():
                raise ApiError("BadRequestException", "Multistatements aren't supported")
            return ""
        name = match["name"]
        if name not in casts:
            missing.append(name)
            return ""
        return f"%({name})s::{casts[name]}"

    text = _TOKENS.sub(replace, sql)
    if missing:
        raise ApiError("BadRequestException", f"Cannot find parameter: {', '.join(missing)}")
    if not text.strip():
        raise ApiError("BadRequestException", "The SQL statement is empty")
    return text


def read_field(value: Any, oid: int, options: dict[str, str]) -> dict[str, Any]:
    """A column's value as a Field."""
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"stringValue": str(value)} if options.get("longReturnType") == "STRING" else {"longValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Decimal):
        return (
            {"doubleValue": float(value)}
            if options.get("decimalReturnType") == "DOUBLE_OR_LONG"
            else {"stringValue": str(value)}
        )
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return {"stringValue": moment.replace(tzinfo=None).isoformat(" ")}
    if isinstance(value, bytes):
        return {"blobValue": base64.b64encode(value).decode()}
    if isinstance(value, str | date | clock_time | UUID):
        return {"stringValue": str(value)}
    kind = types.get(oid)
    name = kind.name if kind else ""
    if name in ("json", "jsonb"):
        return {"stringValue": json.dumps(value)}
    raise ApiError("UnsupportedResultException", f"The result contains the unsupported data type {name or oid}")


def column_metadata(column: Any) -> dict[str, Any]:
    kind = types.get(column.type_code)
    return {"name": column.name, "label": column.name, "typeName": kind.name if kind else "unknown", "nullable": 2}
