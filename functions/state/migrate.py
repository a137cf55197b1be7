"""Brings the database's schema up to date: numbered migrations once each, then the transitions where they changed.

All of it is one transaction under an advisory lock, so two loaders run one after the other, and a failure leaves the
schema as it was.
"""

import hashlib
import re
from pathlib import Path

from state.database import Database
from state.errors import StateError

FOLDER = Path(__file__).parent
LOCK = 7200
LOG = """
CREATE TABLE IF NOT EXISTS schema_migration (
    name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"""
# With other arguments or another result a function would be refused, or stand beside the function of before.
DROP = """
DO $$ DECLARE old regprocedure; BEGIN
    FOR old IN SELECT oid FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname IN ({names}) LOOP
        EXECUTE 'DROP FUNCTION ' || old;
    END LOOP;
END $$"""
FUNCTION = re.compile(r"^CREATE OR REPLACE FUNCTION (\w+)", re.MULTILINE)


def migrate(database: Database) -> list[str]:
    """The names of what was applied, in order. Raises `StateError` when an applied migration was edited afterwards."""
    transaction = database.begin()
    try:
        database.execute(f"SELECT pg_advisory_xact_lock({LOCK})::text", transaction=transaction)
        database.execute(LOG, transaction=transaction)
        known = {
            row[0]["stringValue"]: row[1]["stringValue"]
            for row in database.execute("SELECT name, digest FROM schema_migration", transaction=transaction)
        }
        applied = []
        for path in (*sorted(FOLDER.glob("migrations/*.sql")), *sorted(FOLDER.glob("transitions/*.sql"))):
            text = path.read_text("utf-8")
            name, digest = f"{path.parent.name}/{path.name}", hashlib.sha256(text.encode()).hexdigest()
            if known.get(name) == digest:
                continue
            if name in known and path.parent.name == "migrations":
                raise StateError(f"{name} was applied and edited afterwards; write a new migration instead")
            if path.parent.name == "transitions" and (functions := FUNCTION.findall(text)):
                names = ", ".join(f"'{each}'" for each in functions)
                database.execute(DROP.format(names=names), transaction=transaction)
            for statement in statements(text):
                database.execute(statement, transaction=transaction)
            parameters = [
                {"name": "n", "value": {"stringValue": name}},
                {"name": "d", "value": {"stringValue": digest}},
            ]
            database.execute(
                "INSERT INTO schema_migration (name, digest) VALUES (:n, :d) "
                "ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, applied_at = now()",
                parameters,
                transaction,
            )
            applied.append(name)
        database.commit(transaction)
        return applied
    except BaseException:
        database.rollback(transaction)
        raise


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
