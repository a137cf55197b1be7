"""The files of a product as values: the bucket in which they land, and the source, which says what their names mean and when a set is complete."""

from dataclasses import dataclass, field
from typing import Any

from headgate.generator.model.duration import seconds
from headgate.generator.model.notification import Notification, alerting_of_bucket, of_bucket
from headgate.generator.schemas import default, schema

Document = dict[str, Any]

PREFIX = default("product", "files", "prefix")
FORMAT = default("product", "file_date", "format")
OFFSET = default("product", "file_date", "offset")
SETTLE = default("product", "complete", "settle")
LOAD = default("product", "files", "load")
MIN_BYTES = default("product", "files", "min_bytes")
ON_CORRECTION = default("product", "files", "on_correction")
RETRIED = "rerun"  # of a sweep: its set changes when an operator lets a file count after all
RECONCILE = default("product", "files", "reconcile")
WAYS: list[str] = schema("product")["$defs"]["complete"]["x-exactly-one-of"]
ACCOUNT = "{account}"
ARRIVAL = "arrival"  # in the order of batches: the moment at which a file was put


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of a domain. `name` is that of S3, with `{account}` in it; `account` is its owner's, None where it is the domain's."""

    domain: str
    key: str
    name: str
    create: bool
    via: str
    versioned: bool
    account: str | None
    owner: str = ""
    email: str | None = None
    notify: tuple[Notification, ...] = ()  # of files of no product
    alerting: Document = field(default_factory=dict)  # as the catalog holds it

    def real_name(self, account: str | None) -> str:
        """The name in the account; as it is written where the account is not known."""
        return self.name.replace(ACCOUNT, account) if account else self.name


@dataclass(frozen=True, slots=True)
class Source:
    """A product's files. `date`, `cycle` and `complete` are as the catalog holds them, and empty where the files are swept; `settle` and `reconcile`
    in seconds, None is never."""

    bucket: str
    prefix: str
    pattern: str
    date: Document
    cycle: Document | None
    complete: Document
    settle: int
    load: str
    sweep: bool
    min_bytes: int
    on_correction: str
    reconcile: int | None

    @property
    def in_order(self) -> bool:
        """Whether every version of a file counts, one after the other."""
        return self.load == "cdc"

    @property
    def way(self) -> str | None:
        """The key of `complete` that says when a set is complete; None where the files are swept."""
        return next((key for key in WAYS if key in self.complete), None)

    def naming(self) -> Document:
        """What `file_names` reads a name by."""
        return {
            "prefix": self.prefix,
            "pattern": self.pattern,
            "date": self.date,
            "cycle": self.cycle,
            "complete": self.complete,
        }

    def templates(self) -> dict[str, str]:
        """The names of files with `{date}` in them, by their place in `complete`."""
        found = {f"names/{index}": name for index, name in enumerate(self.complete.get("names", ()))}
        if "marker" in self.complete:
            found["marker"] = self.complete["marker"]
        if "manifest" in self.complete:
            found["manifest/name"] = self.complete["manifest"]["name"]
        return found


def bucket(domain: str, key: str, document: Document, defaults: Document) -> Bucket:
    """From its document, which has passed the schema; `defaults` is what its domain gives products."""
    create = document.get("create", False)
    return Bucket(
        domain,
        key,
        document["name"],
        create,
        document.get("via", "sqs" if create else "eventbridge"),
        document.get("versioned", True),
        document.get("account"),
        document.get("owner") or defaults.get("owner", ""),
        document.get("email", defaults.get("email")),
        of_bucket(document, defaults),
        alerting_of_bucket(defaults),
    )


def source(document: Document, timezone: str | None) -> Source:
    """From `files` of a product, which has passed the schema; `timezone` is that of the product's schedule."""
    given = document.get("complete", {})
    complete = {key: given[key] for key in WAYS if key in given}
    sweep = "sweep" in document
    if "manifest" in complete:
        complete["manifest"] = {
            key: complete["manifest"].get(key) for key in ("name", "entries", "file", "size", "md5")
        }
    reconcile = document.get("reconcile", RECONCILE)
    return Source(
        bucket=document["bucket"],
        prefix=document.get("prefix", PREFIX),
        pattern=document["pattern"],
        date={} if sweep else _date(document["date"], timezone),
        cycle=document.get("cycle"),
        complete=complete,
        settle=0 if sweep else seconds(given.get("settle", SETTLE)),
        sweep=sweep,
        load=document.get("load", LOAD),
        min_bytes=document.get("min_bytes", MIN_BYTES),
        on_correction=RETRIED if sweep else document.get("on_correction", ON_CORRECTION),
        reconcile=None if reconcile == "never" else seconds(reconcile),
    )


def _date(document: Document, timezone: str | None) -> Document:
    offset = document.get("offset", OFFSET)
    if "group" in document:
        return {"group": document["group"], "format": document.get("format", FORMAT), "offset": offset}
    zone = document.get("timezone") or timezone or "UTC"
    return {"arrival": True, "day_ends": document.get("day_ends"), "timezone": zone, "offset": offset}
