"""Two transactions on one database, stopped and continued at each boundary between the statements of the transitions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product as pairs
from select import select
from typing import Any

import psycopg
from psycopg.pq import ExecStatus

PAUSE = """
CREATE FUNCTION pause() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    boundary integer := coalesce(nullif(current_setting('interleaving.boundary', true), ''), '0')::integer + 1;
BEGIN
    PERFORM set_config('interleaving.boundary', boundary::text, false);
    IF boundary::text = current_setting('interleaving.stop', true) THEN
        PERFORM pg_advisory_xact_lock(current_setting('interleaving.key')::integer);
    END IF;
END $$"""
STATEMENT = re.compile(
    r"^ *(WITH\b|SELECT\b|INSERT\b|UPDATE\b|DELETE\b|PERFORM\b|FOR\b|IF\b|RETURN QUERY\b|RETURN \(|\w+ := .*\()"
)
KEY = 990000  # of the advisory locks that stop a transaction


def add_boundaries(connection: "psycopg.Connection[Any]") -> int:
    """Puts a boundary before each statement of the transitions that reads or writes; gives how many."""
    connection.execute(PAUSE)
    found = connection.execute(
        "SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang "
        "WHERE p.pronamespace = 'public'::regnamespace AND l.lanname = 'plpgsql' AND p.provolatile = 'v' "
        "AND p.prorettype <> 'trigger'::regtype AND p.proname <> 'pause'"
    ).fetchall()
    added = 0
    for (definition,) in found:
        lines, inside, within = [], False, False  # in the function's statements; in one of several lines
        for line in definition.splitlines():
            if inside and not within and STATEMENT.match(line):
                lines.append("PERFORM pause();")
                added += 1
            lines.append(line)
            if line == "BEGIN":
                inside = True
            elif inside:
                code = line.split("--")[0].rstrip()
                opens = bool(STATEMENT.match(line)) or within
                within = opens and not code.endswith((";", "LOOP", "THEN"))
        connection.execute("\n".join(lines))
    return added


class Worker:
    """A session that carries out one transaction, which `stop` interrupts at a boundary."""

    def __init__(self, dsn: str, number: int, controller: "psycopg.Connection[Any]") -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.pid = self.connection.info.backend_pid
        self.key = KEY + number
        self.controller = controller
        self.connection.execute(f"SET interleaving.key = {self.key}")
        self.connection.execute("SET lock_timeout = '20s'")
        self.error: str | None = None
        self.stops = False

    def start(self, sql: str, stop: int) -> None:
        """Begins; the transaction stops before its statement number `stop`, at none if it is 0."""
        self.connection.execute(
            "SELECT set_config('interleaving.boundary', '0', false), set_config('interleaving.stop', %s, false)",
            [str(stop)],
        )
        self.stops = stop > 0
        if self.stops:
            self.controller.execute("SELECT pg_advisory_lock(%s)", [self.key])
        self.error = None
        self.connection.pgconn.send_query(f"SELECT ({sql}), pause()".encode())

    def go_on(self) -> None:
        """Continues after the stop, or does not stop any more."""
        if self.stops:
            self.controller.execute("SELECT pg_advisory_unlock(%s)", [self.key])
            self.stops = False

    def finished(self) -> bool:
        pgconn = self.connection.pgconn
        pgconn.consume_input()
        if pgconn.is_busy():
            return False
        while (result := pgconn.get_result()) is not None:
            if result.status == ExecStatus.FATAL_ERROR:
                self.error = (result.error_message or b"").decode().split("\n")[0]
        return True

    def rest(self) -> bool:
        """Waits until the transaction has ended, or stands still: at its stop or behind a lock. True if it has ended."""
        patience = 0.001
        while not self.finished():
            if select([self.connection.pgconn.socket], [], [], patience)[0]:
                continue
            patience = min(2 * patience, 0.008)
            (waits,) = self.controller.execute("SELECT pg_blocking_pids(%s) <> '{}'", [self.pid]).fetchone() or (False,)
            if waits:
                return self.finished()
        return True

    def boundaries(self) -> int:
        """How many boundaries the last transaction passed."""
        row = self.connection.execute("SELECT current_setting('interleaving.boundary')::integer").fetchone()
        assert row is not None
        return int(row[0])


@dataclass
class Pair:
    """Two workers on one database."""

    dsn: str
    controller: "psycopg.Connection[Any]"
    workers: list[Worker] = field(default_factory=list)

    def __enter__(self) -> "Pair":
        self.workers = [Worker(self.dsn, number, self.controller) for number in range(2)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.connection.close()

    def serial(self, first: str, second: str) -> tuple[int, int]:
        """One after the other. Gives how many boundaries each has."""
        for worker, sql in zip(self.workers, (first, second), strict=True):
            worker.start(sql, 0)
            while not worker.rest():
                pass
        one, two = (worker.boundaries() for worker in self.workers)
        return one, two

    def interleaved(self, first: str, second: str, stops: tuple[int, int]) -> None:
        """The first until its stop, the second until its stop, the first to its end, the second to its end; a transaction that waits for a
        lock of the other lets it go on."""
        one, two = self.workers
        one.start(first, stops[0])
        one.rest()
        two.start(second, stops[1])
        two.rest()
        one.go_on()
        one.rest()
        two.go_on()
        while not (one.rest() and two.rest()):
            pass


def stops(boundaries: tuple[int, int], all_of_them: bool) -> Iterator[tuple[int, int]]:
    """Where the first and the second stop; 0 is nowhere. A statement sees what was committed before it, so the result depends on which of the
    second's statements come before the first's commit, and on who has which locks: the first has none, all but the commit, or (with
    `all_of_them`) those of each of its statements. The last boundary of a transaction is before its commit. Without `all_of_them` a few
    of the statements are chosen, the first and the last among them."""
    one, two = boundaries
    if all_of_them:
        yield from pairs(range(1, one + 1), range(two + 1))
    else:
        yield from ((stop, 0) for stop in sorted({1, (one + 1) // 2, one}))
        yield from pairs((1, one), sorted({1, two}))
