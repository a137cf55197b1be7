"""Worlds for tests one after the other: a database is used again, with its connections, while a test leaves nothing in it but rows, which are deleted. To copy
a database, to connect to it and to compile its functions anew costs ten times as much as most tests."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from headgate.local.data_api import DataApi
from headgate.local.postgres import Postgres
from tests.direct_client import role_of
from tests.state_world import World, copied, dropped, world_on

LARGEST = 100_000  # bytes of a table whose rows are deleted one by one: of a larger one too many dead rows would stay
# What a test may have set for its connection.
RESET = ("RESET SESSION AUTHORIZATION", "RESET ROLE", "RESET ALL", "DISCARD TEMP", "SELECT pg_advisory_unlock_all()")
# A schema of its own in the template: which rows it has from the start, whether somebody has changed more than rows, and what takes rows back, to
# these or to others that were kept in a schema.
PRISTINE = f"""
CREATE SCHEMA pristine;
CREATE SCHEMA prepared; -- for tests; to make a schema discards every plan of every session
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
        SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND reltuples >= 0)
$$;
CREATE FUNCTION pristine.written(kept regclass) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = kept AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
$$;
CREATE FUNCTION pristine.keep(place text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kept regclass; filled boolean;
BEGIN
    FOR kept IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', kept) INTO filled;
        IF filled THEN
            EXECUTE format('CREATE TABLE %I.%s AS SELECT %s FROM %2$s', place, kept, pristine.written(kept));
        END IF;
    END LOOP;
END $$;
CREATE FUNCTION pristine.forget(place text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kept text;
BEGIN
    FOR kept IN SELECT relname FROM pg_class WHERE relnamespace = place::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('DROP TABLE %I.%I', place, kept);
    END LOOP;
END $$;
CREATE FUNCTION pristine.take_back(place text) RETURNS void LANGUAGE plpgsql SET session_replication_role = replica SET lock_timeout = '1s' AS $$
DECLARE
    changed regclass; size bigint; columns text;
BEGIN
    FOR changed, size IN SELECT * FROM (SELECT oid, pg_relation_size(oid) AS size FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r') sized
            WHERE sized.size > 0 LOOP
        EXECUTE format(CASE WHEN size > {LARGEST} THEN 'TRUNCATE %s CASCADE' ELSE 'DELETE FROM %s' END, changed);
    END LOOP;
    FOR changed, columns IN SELECT format('public.%I', relname), pristine.written(oid) FROM pg_class
            WHERE relnamespace = place::regnamespace AND relkind = 'r' AND relname <> 'change' LOOP
        EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT * FROM %I.%1$s', changed, columns, place);
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences WHERE last_value IS NOT NULL AND place = 'pristine';
END $$;
SELECT pristine.keep('pristine');
CREATE EVENT TRIGGER note_commands ON ddl_command_end EXECUTE FUNCTION pristine.note_command();
CREATE EVENT TRIGGER note_drops ON sql_drop EXECUTE FUNCTION pristine.note_drop();
"""


@dataclass
class Lent:
    """A database with its connections: those of its Data API, and one past it."""

    name: str
    dsn: str
    api: DataApi
    direct: "psycopg.Connection[Any]"


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
        with world_on(lent.dsn, lent.api, lent.direct) as made:
            yield made
        if self._taken_back(lent):
            self._free.append(lent)
        else:
            lent.api.close()
            lent.direct.close()
            dropped(self.server, lent.name)

    def _copied(self) -> Lent:
        name = copied(self.server, "lent")
        dsn = self.server.dsn(name)
        return Lent(name, dsn, DataApi(dsn, role_of=role_of), psycopg.connect(dsn, autocommit=True))

    def _taken_back(self, lent: Lent) -> bool:
        """Whether the database is as it was copied: nothing but rows was changed, and nobody else works on it."""
        if lent.api._transactions or lent.direct.info.transaction_status != TransactionStatus.IDLE:
            return False
        pids = [each.info.backend_pid for free in (*lent.api._free.values(), [lent.direct]) for each in free]
        try:
            for statement in RESET:
                lent.direct.execute(statement)
            others = lent.direct.execute(
                "SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL (%s)",
                [pids],
            ).fetchone()
            unchanged = lent.direct.execute("SELECT pristine.only_rows_changed()").fetchone()
            if others is not None or unchanged != (True,):
                return False
            lent.direct.execute("SELECT pristine.take_back('pristine')")
        except psycopg.Error:
            return False
        return True
