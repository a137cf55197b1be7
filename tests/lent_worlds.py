"""Worlds for tests one after the other: a database is used again while a test leaves nothing in it but rows, which are deleted. To copy a database and to
compile its functions anew costs ten times as much as most tests."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg

from headgate.local.data_api import DataApi
from headgate.local.postgres import Postgres
from tests.direct_client import role_of
from tests.state_world import World, copied, dropped, world_on

LARGEST = 1_000_000  # bytes of a table that is emptied: a copy is cheaper than what a larger one leaves behind
# A schema of its own in the template: which rows it has from the start, whether somebody has changed more than rows, and what takes rows back.
PRISTINE = f"""
CREATE SCHEMA pristine;
CREATE TABLE pristine.change (what text);
CREATE FUNCTION pristine.note_command() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO pristine.change SELECT command_tag FROM pg_event_trigger_ddl_commands() WHERE schema_name IS DISTINCT FROM 'pg_temp';
END $$;
CREATE FUNCTION pristine.note_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO pristine.change SELECT tg_tag FROM pg_event_trigger_dropped_objects() WHERE NOT is_temporary;
END $$;
CREATE FUNCTION pristine.only_rows_changed() RETURNS boolean LANGUAGE sql AS $$
    SELECT NOT EXISTS (SELECT FROM pristine.change) AND NOT EXISTS (
        SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND (reltuples >= 0 OR pg_relation_size(oid) > {LARGEST}))
$$;
CREATE FUNCTION pristine.take_back() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
DECLARE
    changed regclass;
BEGIN
    FOR changed IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('DELETE FROM %s', changed);
        IF to_regclass('pristine.' || changed::text) IS NOT NULL THEN
            EXECUTE format('INSERT INTO %1$s OVERRIDING SYSTEM VALUE SELECT * FROM pristine.%1$s', changed);
        END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences WHERE last_value IS NOT NULL;
END $$;
DO $$
DECLARE
    kept regclass; filled boolean;
BEGIN
    FOR kept IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', kept) INTO filled;
        IF filled THEN
            EXECUTE format('CREATE TABLE pristine.%1$s AS TABLE %1$s', kept);
        END IF;
    END LOOP;
END $$;
CREATE EVENT TRIGGER note_commands ON ddl_command_end EXECUTE FUNCTION pristine.note_command();
CREATE EVENT TRIGGER note_drops ON sql_drop EXECUTE FUNCTION pristine.note_drop();
"""


@dataclass
class Lent:
    """A database with its connections."""

    name: str
    dsn: str
    api: DataApi


@dataclass
class Worlds:
    """Lends worlds on copies of the template `lent`, and takes them back."""

    server: Postgres
    _free: list[Lent] = field(default_factory=list)

    def __post_init__(self) -> None:
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE lent TEMPLATE migrated")
        with psycopg.connect(self.server.dsn("lent"), autocommit=True) as connection:
            connection.execute(PRISTINE)

    @contextlib.contextmanager
    def lend(self) -> Iterator[World]:
        lent = self._free.pop() if self._free else self._copied()
        with world_on(lent.dsn, lent.api) as made:
            yield made
        if self._taken_back(lent):
            self._free.append(lent)
        else:
            lent.api.close()
            dropped(self.server, lent.name)

    def _copied(self) -> Lent:
        name = copied(self.server, "lent")
        dsn = self.server.dsn(name)
        return Lent(name, dsn, DataApi(dsn, role_of=role_of))

    def _taken_back(self, lent: Lent) -> bool:
        """Whether the database is as it was copied: nothing but rows was changed, and nobody else works on it."""
        pids = [each.info.backend_pid for free in lent.api._free.values() for each in free]
        if lent.api._transactions:
            return False
        try:
            with psycopg.connect(lent.dsn, autocommit=True, options="-c lock_timeout=1s") as connection:
                others = connection.execute(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL (%s)",
                    [[*pids, connection.info.backend_pid]],
                ).fetchone()
                unchanged = connection.execute("SELECT pristine.only_rows_changed()").fetchone()
                if others is not None or unchanged != (True,):
                    return False
                connection.execute("SELECT pristine.take_back()")
        except psycopg.Error:
            return False
        return True
