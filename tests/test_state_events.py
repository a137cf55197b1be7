"""History says what happened by itself: every change of a run names its kind, and nothing is inferred from neighbouring rows."""

import re
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from headgate.local.postgres import Postgres
from state.migrate import statements
from tests.state_steps import DAY, LOADED, SIX, TODAY, complete, opened, uuid, wait
from tests.state_world import World, at, external, product

STATE = Path(__file__).parent.parent / "functions/state"
TABLES = ("data_product_status", "data_product_dependencies_events_status")


def kinds_of(world: World, name: str) -> list[str]:
    query = "SELECT event FROM data_product_status_history WHERE product_id = %s ORDER BY history_id"
    return [kind for (kind,) in world.sql(query, name)]


def test_each_change_of_a_run_is_one_event(world: World) -> None:
    world.load(
        {"raw/a": external(), "d/x": product("raw/a", sla={"complete_by": "07:00"}), "d/y": product("raw/a")}, LOADED
    )
    opened(world)
    wait(world, "d/x")
    world.state.set_hold("d/x", DAY, "", True, "ann", SIX)
    world.state.set_hold("d/x", DAY, "", False, "ann", SIX)
    world.event("raw/a", TODAY, SIX)
    world.state.repair(at("2026-11-20 07:01"))
    complete(world, "d/x")
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", at("2026-11-20 09:00"))
    world.state.end_lost_machine(
        uuid(world, "d/x"), 2, "States.Runtime", "", True, 2, "monitor", at("2026-11-20 09:10")
    )
    world.state.record_outcome(uuid(world, "d/x"), 3, "CANCELLED", None, None, at("2026-11-20 09:20"), "ann")

    assert kinds_of(world, "d/x") == [
        "opened", "waiting", "held", "hold_removed", "released", "late", "started", "completed", "rerun", "released", "failed",
        "restarted", "released", "cancelled",
    ]  # fmt: skip
    assert world.run("d/x", TODAY)["event"] == "cancelled"
    world.load({"raw/b": external(), "d/z": product("raw/b")}, LOADED)
    opened(world, "2026-11-21 06:00")
    world.state.skip_run("d/z", DAY + timedelta(days=1), "", "ann", SIX)
    assert kinds_of(world, "d/z") == ["opened", "opened", "skipped"], "two dates are open"


def test_each_change_of_an_input_is_one_event(world: World) -> None:
    world.load({"raw/a": external(), "d/x": product(name="x"), "d/y": product(["d/x", "raw/a"], name="y")}, LOADED)
    opened(world)
    complete(world, "d/x")
    event = {"run_id": str(uuid(world, "d/x")), "attempt": 1}
    world.event("d/x", TODAY, SIX, **event)
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", at("2026-11-20 09:00"))
    query = (
        "SELECT event FROM data_product_dependencies_events_status_history WHERE upstream = 'd/x' ORDER BY history_id"
    )
    assert [kind for (kind,) in world.sql(query)] == ["opened", "arrived", "reopened"]


def test_restarts_are_counted_by_their_kind(world: World) -> None:
    """A rerun by hand, even by an operator of that name, is none."""
    world.load({"d/x": product()}, LOADED)
    opened(world)
    for attempt in (1, 2):
        world.state.record_outcome(uuid(world, "d/x"), attempt, "ERROR", None, None, SIX, "machine")
        world.state.rerun("d/x", DAY, "", False, "rerun", "monitor", SIX)
    for attempt, again in ((3, True), (4, True), (5, False)):
        ended = world.state.end_lost_machine(uuid(world, "d/x"), attempt, "States.Runtime", "", True, 2, "monitor", SIX)
        assert (ended.recorded, ended.restarted) == (True, again)


@pytest.mark.parametrize("table", TABLES)
def test_an_update_that_forgets_to_name_its_event_is_refused(table: str) -> None:
    found = 0
    for path in sorted(STATE.glob("transitions/*.sql")):
        text = re.sub(r"--.*", "", path.read_text("utf-8"))
        for change in re.findall(rf"UPDATE {table}\b(.*?)(?:\bWHERE\b|;|\$\$)", text, re.DOTALL):
            found += 1
            assert re.search(r"\bevent = ", change), f"{path.name}: UPDATE {table}{change}"
        for columns in re.findall(rf"INSERT INTO {table}\s*\(([^)]*)\)", text):
            found += 1
            assert re.search(r"\bevent\b", columns), f"{path.name}: INSERT INTO {table}({columns})"
    assert found >= 3


def test_an_unknown_kind_is_refused_by_the_database(world: World) -> None:
    world.load({"d/x": product()}, LOADED)
    opened(world)
    with pytest.raises(psycopg.errors.CheckViolation):
        world.sql("UPDATE data_product_status SET event = 'happened'")


def test_the_history_of_the_release_before_gets_its_kinds(postgres: Postgres) -> None:
    """The migration reads from neighbouring rows what it can, for the last time."""
    rows = [  # attempt, status, released, by
        (1, "WAITING", None, "scheduler", "opened"),
        (1, "WAITING", None, "machine", "waiting"),
        (1, "WAITING", None, "ann", "held"),
        (1, "WAITING", SIX, "refresh event", "released"),
        (1, "PROCESSING", SIX, "machine", "started"),
        (1, "PROCESSING", SIX, "monitor", "late"),
        (1, "ERROR", SIX, "monitor", "failed"),
        (2, "WAITING", None, "monitor", "restarted"),
        (2, "WAITING", SIX, "monitor", "released"),
        (2, "PROCESSING", SIX, "machine", "started"),
        (2, "COMPLETED", SIX, "machine", "completed"),
        (3, "WAITING", None, "ann", "rerun"),
        (3, "SKIPPED", None, "ann", "skipped"),
    ]
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE before")
    try:
        with psycopg.connect(postgres.dsn("before"), autocommit=True) as old:
            files = sorted(STATE.glob("migrations/*.sql"))
            kinds = next(index for index, path in enumerate(files) if path.name.startswith("0005"))
            for path in files[:kinds]:
                for statement in statements(path.read_text("utf-8")):
                    old.execute(statement.encode())
            old.execute(
                "INSERT INTO data_product (product_id, domain, name, description, owner, refresh_event, visibility, digest, changed_at, changed_by)"
                " VALUES ('d/x', 'd', 'x', '', '', true, 'mesh', '', now(), 'x')"
            )
            run = old.execute(
                "INSERT INTO data_product_status (product_id, business_date, opened_at, deadline_at, changed_at, changed_by)"
                " VALUES ('d/x', '2026-11-20', now(), now(), now(), 'scheduler') RETURNING run_id"
            ).fetchone()
            assert run is not None
            old.execute("DELETE FROM data_product_status_history")
            for attempt, status, released, by, _ in rows:
                old.execute(
                    "INSERT INTO data_product_status_history (run_id, product_id, business_date, cycle, attempt, status, released_at, changed_at,"
                    " changed_by) VALUES (%s, 'd/x', '2026-11-20', '', %s, %s, %s, now(), %s)",
                    (run[0], attempt, status, released, by),
                )
            for statement in statements(files[kinds].read_text("utf-8")):
                old.execute(statement.encode())
            found = old.execute("SELECT event FROM data_product_status_history ORDER BY history_id").fetchall()
            current = old.execute("SELECT event FROM data_product_status").fetchall()
    finally:
        with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE before WITH (FORCE)")

    assert [kind for (kind,) in found] == [kind for *_, kind in rows]
    assert current == [("skipped",)]
