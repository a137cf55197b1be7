"""A database that a newer version of the project has migrated is not used by an older one."""

from pathlib import Path

import psycopg

from headgate.local.stack import StartError

MIGRATIONS = Path("functions", "state", "migrations")


def require_known_migrations(dsn: str, project: Path) -> None:
    """Raises `StartError` if migrations were applied to the database that the project does not have."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        if connection.execute("SELECT to_regclass('schema_migration')").fetchone() == (None,):
            return
        found = connection.execute("SELECT name FROM schema_migration WHERE name LIKE 'migrations/%'").fetchall()
    known = {f"migrations/{path.name}" for path in (project / MIGRATIONS).glob("*.sql")}
    if newer := sorted({name for (name,) in found} - known):
        raise StartError(
            f"the state was written by a newer version of the project: {project / MIGRATIONS} has no {', '.join(each.split('/')[1] for each in newer)}. "
            "Check out that version, or begin with an empty state: `headgate up --fresh` deletes this one, and `mv .headgate/local .headgate/newer` before "
            "`headgate up` keeps it"
        )
