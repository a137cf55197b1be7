"""The signal of a product that is refreshed elsewhere, as a value: the event that says so, and what its business date is read from."""

from dataclasses import dataclass
from typing import Any

from headgate.generator.model.duration import seconds
from headgate.generator.model.files import FORMAT, OFFSET, PREFIX
from headgate.generator.schemas import schema

Document = dict[str, Any]

KINDS: list[str] = schema("product")["properties"]["signal"]["x-exactly-one-of"]
DATE_FORMAT = "%Y-%m-%d"  # of what is not an object
SETTLE_OF_TABLES = 120  # seconds: Glue reports each change of a table
WHOLE = {"prefix": "", "pattern": ".*"}  # of a table without `partition`: every change


@dataclass(frozen=True, slots=True)
class Signal:
    """`about` is the section of the kind as written; `naming`, `date` and `cycle` are as the catalog holds them: `naming` {prefix, pattern} is None where
    no text is matched. `settle` in seconds."""

    kind: str
    about: Document
    naming: Document | None
    date: Document
    cycle: Document | None
    account: str | None
    settle: int

    @property
    def place(self) -> str:
        """Where the metadata has its pattern."""
        return f"/signal/{self.kind}/{'partition' if self.kind == 'table' else 'pattern'}"


def signal(document: Document, timezone: str | None) -> Signal:
    """From `signal` of a product, which has passed the schema; `timezone` is that of the product's schedule."""
    kind = next(each for each in KINDS if each in document)
    about = document[kind]
    return Signal(
        kind,
        about,
        _naming(kind, about),
        _date(kind, document["date"], timezone),
        document.get("cycle"),
        document.get("account") or _account_of(about),
        seconds(document["settle"]) if "settle" in document else SETTLE_OF_TABLES if kind == "table" else 0,
    )


def _account_of(about: Document) -> str | None:
    """Of a machine that is named by its ARN."""
    parts = str(about.get("machine", "")).split(":")
    return parts[4] if len(parts) > 1 else None


def _naming(kind: str, about: Document) -> Document | None:
    if kind == "object":
        return {"prefix": about.get("prefix", PREFIX), "pattern": about["pattern"]}
    if kind == "table":
        return {"prefix": "", "pattern": about["partition"]} if "partition" in about else WHOLE
    return None


def _date(kind: str, document: Document, timezone: str | None) -> Document:
    offset = document.get("offset", OFFSET)
    for key in ("group", "input"):
        if key in document:
            form = document.get("format", FORMAT if kind == "object" else DATE_FORMAT)
            return {key: document[key], "format": form, "offset": offset}
    if "nominal_time" in document:
        return {"nominal_time": True, "timezone": document.get("timezone"), "offset": offset}
    zone = document.get("timezone") or timezone or "UTC"
    return {"arrival": True, "day_ends": document.get("day_ends"), "timezone": zone, "offset": offset}
