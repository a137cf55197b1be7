"""The schema is the sum of its migrations, and a migration happens once or not at all."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from headgate.local.data_api import DataApi
from headgate.local.data_api_server import served
from headgate.local.postgres import Postgres, binary
from state import migrate as migration
from state.database import Database
from state.errors import StateError
from state.migrate import migrate, statements
from tests.golden import FOLDER, expect
from tests.state_world import World, client, new_world

NAME = "migrations_test"


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[tuple[Database, str]]:
    """An empty database."""
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {NAME}")
        with served(DataApi(postgres.dsn(NAME))) as url:
            yield Database(client(url)), postgres.dsn(NAME)
        connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture
def world(postgres: Postgres) -> Iterator[World]:
    """A copy of the migrated database with nothing beside it."""
    with new_world(postgres) as made:
        yield made


def schema(dsn: str) -> str:
    """Everything in the database but data and comments."""
    command = [binary("pg_dump"), "--schema-only", "--no-owner", "--no-privileges", "--dbname", dsn]
    dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [
        line for line in dump.splitlines() if line and not line.startswith(("--", "\\", "SET ", "SELECT pg_catalog"))
    ]
    return "\n".join(lines) + "\n"


def test_the_schema_is_the_sum_of_its_migrations(world: World) -> None:
    """tests/golden/schema.sql holds every table, index, trigger and constraint, written by `make golden`; a migration that
    adds to it shows there. Functions stand whole in their own files."""
    tables = re.sub(r"CREATE FUNCTION .*?\$\$;\n", "", schema(world.dsn), flags=re.DOTALL)
    expect(FOLDER / "schema.sql", tables.encode())


def test_any_earlier_version_migrates_to_the_same(
    empty: tuple[Database, str], world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, dsn = empty
    files = sorted(migration.FOLDER.glob("migrations/*.sql"))
    for count in range(1, len(files) + 1):
        for folder in ("migrations", "transitions"):
            (tmp_path / folder).mkdir(exist_ok=True)
        for file in files[:count]:
            (tmp_path / "migrations" / file.name).write_text(file.read_text())
        with monkeypatch.context() as earlier:
            earlier.setattr(migration, "FOLDER", tmp_path)
            migrate(database)
    migrate(database)

    assert schema(dsn) == schema(world.dsn)
    assert migrate(database) == []


def test_sessions_compile_no_plans(empty: tuple[Database, str]) -> None:
    """The wheel's PostgreSQL cannot compile plans; Aurora does by default, at costs that `enable_seqscan = off` always exceeds up to version 17."""
    database, dsn = empty
    migrate(database)

    with psycopg.connect(dsn) as of_a_function:
        assert of_a_function.execute("SHOW jit").fetchone() == ("off",)


def test_a_failure_leaves_the_schema_as_it_was(
    empty: tuple[Database, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, dsn = empty
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/0001_good.sql").write_text("CREATE TABLE good (a integer);\n")
    (tmp_path / "migrations/0002_bad.sql").write_text(
        "CREATE TABLE half (a integer);\nCREATE TABLE half (a integer);\n"
    )
    monkeypatch.setattr(migration, "FOLDER", tmp_path)
    with pytest.raises(StateError, match="already exists"):
        migrate(database)

    assert "TABLE" not in schema(dsn)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is migrated comes from this folder."""
    for name in ("migrations", "transitions"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(migration, "FOLDER", tmp_path)
    return tmp_path


def test_an_applied_migration_is_not_edited(empty: tuple[Database, str], folder: Path) -> None:
    database, _ = empty
    file = folder / "migrations/0001_first.sql"
    file.write_text("CREATE TABLE first (a integer);\n")
    assert migrate(database) == ["migrations/0001_first.sql"]
    file.write_text("CREATE TABLE first (a bigint);\n")

    with pytest.raises(StateError, match="applied and edited afterwards; write a new migration instead"):
        migrate(database)


def test_a_function_may_change_what_it_takes_and_gives(empty: tuple[Database, str], folder: Path) -> None:
    """As when an older version is deployed: the old self is gone, not kept beside the new one."""
    database, dsn = empty
    file = folder / "transitions/10_first.sql"
    for takes, gives, value in (("a integer", "integer", "1"), ("a integer", "text", "'1'"), ("b text", "text", "b")):
        file.write_text(
            f"CREATE OR REPLACE FUNCTION first({takes}) RETURNS {gives} LANGUAGE sql AS $$ SELECT {value} $$\n"
        )
        migrate(database)

    assert re.findall(r"CREATE FUNCTION public\.(.*)", schema(dsn)) == ["first(b text) RETURNS text"]


def test_statements_end_where_they_should() -> None:
    text = "-- a comment; with a semicolon\nCREATE TABLE a (b text DEFAULT 'x;y');\n\nCREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$\n  SELECT 1;\n  SELECT 2;\n$$\n\nSELECT 1;\n"
    assert [each.splitlines()[-1] for each in statements(text)] == [
        "CREATE TABLE a (b text DEFAULT 'x;y')",
        "$$",
        "SELECT 1",
    ]


def test_runs_of_before_are_due_by_their_first_opening(
    empty: tuple[Database, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rerun had moved the moment from which the SLA was counted; a run of long ago keeps none."""
    database, dsn = empty
    (tmp_path / "migrations").mkdir()
    for file in sorted(migration.FOLDER.glob("migrations/*.sql")):
        if file.name < "0018":
            (tmp_path / "migrations" / file.name).write_text(file.read_text())
    with monkeypatch.context() as earlier:
        earlier.setattr(migration, "FOLDER", tmp_path)
        migrate(database)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO data_product (product_id, domain, name, description, owner, refresh_event, visibility, complete_by, notify, digest, active,"
            " changed_at, changed_by) VALUES ('d/x', 'd', 'x', '', 'o', true, 'mesh', '08:00', '[]', '', true, '2026-01-01', 'a')"
        )
        connection.execute(
            "INSERT INTO data_product_schedule (product_id, cron, timezone, date_offset, times, months, month_days, week_days, last_days, near_weekdays,"
            " last_week_days, nth_week_days, opened_until) VALUES ('d/x', '', 'America/Chicago', 0, '{06:00}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',"
            " '2026-01-01')"
        )
        for day in ("2026-10-20", "2026-11-20"):
            opened = f"INSERT INTO data_product_status (product_id, business_date, opened_at, deadline_at, event, changed_at, changed_by) VALUES ('d/x', '{day}', '{day} 12:00Z', '{day}', 'opened', '{day} 12:00Z', 'a')"
            connection.execute(opened)
            connection.execute(
                "UPDATE data_product_status SET attempt = 2, status = 'COMPLETED', event = 'rerun', opened_at = opened_at + interval '5 hours',"
                " changed_at = changed_at + interval '5 hours' WHERE business_date = %s",
                (day,),
            )
        migrate(database)
        found = connection.execute(
            "SELECT business_date::text, (due_at AT TIME ZONE 'UTC')::text FROM data_product_status ORDER BY 1"
        ).fetchall()
        count = connection.execute("SELECT count(*) FROM data_product_status_history").fetchone()

    assert found == [("2026-10-20", None), ("2026-11-20", "2026-11-20 14:00:00")]
    assert count == (4,), "a migration is no event of a run"
