"""Brings the database's schema up to date: numbered migrations once each, then the transitions where they changed, then what roles may do.

All of it is one transaction under an advisory lock, so two loaders run one after the other, and a failure leaves the
schema as it was.
"""

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from state.database import Database
from state.errors import SchemaGoesBack, StateError, StateUnavailable

FOLDER = Path(__file__).parent
LOCK = 7200
TRIES = 3
GRANTS = "grants.sql"  # run again whenever anything was applied
LOG = """
CREATE TABLE IF NOT EXISTS schema_migration (
    name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"""
RELEASE = """
CREATE TABLE IF NOT EXISTS schema_release (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), commit text NOT NULL, committed_at timestamptz NOT NULL)"""
# With other arguments or another result a function would be refused, or stand beside the function of before.
DROP = """
DO $$ DECLARE old regprocedure; BEGIN
    FOR old IN SELECT oid FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname IN ({names}) LOOP
        EXECUTE 'DROP FUNCTION ' || old;
    END LOOP;
END $$"""
FUNCTION = re.compile(r"^CREATE OR REPLACE FUNCTION (\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """What is deployed: its commit, which may be unknown, and when that was made."""

    commit: str
    committed_at: datetime

    def __str__(self) -> str:
        return f"commit {self.commit or 'unknown'} of {self.committed_at.isoformat()}"


def migrate(database: Database, release: Release | None = None, force: bool = False) -> list[str]:
    """Brings the schema to that of the release; the names of what was applied, in order. Functions that work meanwhile may be in its way, as in a
    deadlock: then all of it is tried again. Raises `SchemaGoesBack` if the schema is of a newer release, unless forced; `StateError` when an
    applied migration was edited afterwards; `StateUnavailable`."""
    for _ in range(TRIES - 1):
        with suppress(StateUnavailable):
            return _migrate(database, release, force)
    return _migrate(database, release, force)


def _migrate(database: Database, release: Release | None, force: bool) -> list[str]:
    with database.transaction() as transaction:
        database.execute(f"SELECT pg_advisory_xact_lock({LOCK})::text", transaction=transaction)
        database.execute(LOG, transaction=transaction)
        database.execute(RELEASE, transaction=transaction)
        if release:
            _take_release(database, release, force, transaction)
        known = {
            row[0]["stringValue"]: row[1]["stringValue"]
            for row in database.execute("SELECT name, digest FROM schema_migration", transaction=transaction)
        }
        applied: list[str] = []
        for path in (
            *sorted(FOLDER.glob("migrations/*.sql")),
            *sorted(FOLDER.glob("transitions/*.sql")),
            *FOLDER.glob(GRANTS),
        ):
            text = path.read_text("utf-8")
            name, digest = f"{path.parent.name}/{path.name}", hashlib.sha256(text.encode()).hexdigest()
            if known.get(name) == digest and not (path.name == GRANTS and applied):
                continue
            if name in known and path.parent.name == "migrations":
                raise StateError(f"{name} was applied and edited afterwards; write a new migration instead")
            if path.parent.name == "transitions" and (functions := FUNCTION.findall(text)):
                names = ", ".join(f"'{each}'" for each in functions)
                database.execute(DROP.format(names=names), transaction=transaction)
            for statement in statements(text):
                database.execute(statement, transaction=transaction)
            database.execute(
                "INSERT INTO schema_migration (name, digest) VALUES (:n, :d) "
                "ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, applied_at = now()",
                _texts(n=name, d=digest),
                transaction,
            )
            applied.append(name)
        return applied


def _take_release(database: Database, release: Release, force: bool, transaction: str) -> None:
    given = _texts(c=release.commit, at=release.committed_at.isoformat())
    newer = database.execute(
        "SELECT commit, committed_at::text FROM schema_release WHERE committed_at > CAST(:at AS timestamptz)",
        given[1:],
        transaction,
    )
    if newer and not force:
        loaded = Release(newer[0][0]["stringValue"], datetime.fromisoformat(newer[0][1]["stringValue"]))
        raise SchemaGoesBack(
            f"{release} is older than the {loaded}, whose schema the database has; deploy with ForceCatalog=true if that is meant"
        )
    database.execute(
        "INSERT INTO schema_release (commit, committed_at) VALUES (:c, CAST(:at AS timestamptz)) "
        "ON CONFLICT (one) DO UPDATE SET commit = excluded.commit, committed_at = excluded.committed_at",
        given,
        transaction,
    )


def _texts(**given: str) -> list[dict[str, Any]]:
    return [{"name": name, "value": {"stringValue": value}} for name, value in given.items()]


def statements(text: str) -> list[str]:
    """The statements of a file. One ends with a semicolon at the end of a line, a function also with the `$$` that closes
    its body; semicolons in bodies and comments end nothing."""
    found: list[str] = []
    lines: list[str] = []
    in_body = False
    for line in text.splitlines():
        if not lines and (not line.strip() or line.lstrip().startswith("--")):
            continue
        lines.append(line)
        in_body ^= line.count("$$") % 2 == 1
        comment = not in_body and "--" in line
        if not in_body and not comment and line.rstrip().endswith((";", "$$")):
            found.append("\n".join(lines).rstrip().rstrip(";"))
            lines = []
    if lines:
        found.append("\n".join(lines))
    return found
