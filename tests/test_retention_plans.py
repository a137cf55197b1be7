"""Retention goes by index: its work follows from what has outlived its time, not from how much there is; and what remains is bounded."""

from datetime import timedelta

import pytest

from headgate.local.postgres import Postgres
from tests.query_plans import Explained, Scan
from tests.state_history import CASES, SIX, TODAY, Case, add_finished_days, load_mesh, morning
from tests.state_world import World, at, in_soak, new_world
from tests.test_state_plans import growing, rows, show

pytestmark = pytest.mark.slow

DAYS, ENTRIES, ROWS = 5, 50, 100
LEASE = timedelta(minutes=20)
# A page: what an entry has elsewhere is about thirty rows, read by its key, once for its lines and once for their digest.
MOST = ENTRIES * 200


@pytest.fixture(scope="module")
def examined(postgres: Postgres) -> dict[str, dict[str, list[Scan]]]:
    return {name: scans_of(postgres, case) for name, case in CASES.items()}


def scans_of(postgres: Postgres, case: Case) -> dict[str, list[Scan]]:
    """The scans of each call that writes a page of runs, one of refresh events, or deletes."""
    with new_world(postgres) as world:
        morning(world, case, 200)
        session = Explained(world.dsn, plan_cache_mode=case.plans)
        found = {}
        for kind in ("runs", "refresh_events"):
            if kind == "refresh_events":  # no run is left that may go
                world.sql("UPDATE data_product_status SET finished_at = %s WHERE finished_at IS NOT NULL", SIX)
            session.state.claim_archive_page(DAYS, ENTRIES, SIX, LEASE)
            found[f"claim of {kind}"] = session.scans
            page = world.state.claim_archive_page(DAYS, ENTRIES, SIX, LEASE)
            assert (page.kind, page.busy) == (kind, False)
            session.state.archive_lines(str(page.page), "")
            found[f"lines of {kind}"] = session.scans
            assert (
                session.state.finish_archive_page(str(page.page), digest(world, str(page.page)), "s3://a/b", SIX)
                == ENTRIES
            )
            found[f"deletion of {kind}"] = session.scans
            world.sql("DELETE FROM archive_page")
        session.state.delete_spent(DAYS, DAYS, DAYS, ROWS, SIX)
        found["delete_spent"] = session.scans
        session.connection.close()
        return found


def digest(world: World, page: str) -> str:
    """Of the lines of a page, as the database has them."""
    query = (
        "SELECT encode(sha256(convert_to(string_agg(e.line || E'\\n', '' ORDER BY e.number), 'UTF8')), 'hex') "
        "FROM archive_page a CROSS JOIN LATERAL archived_entries(a, 1) e WHERE a.page_id = %s::uuid"
    )
    return str(world.sql(query, page)[0][0])


@pytest.mark.parametrize("case", CASES)
def test_no_call_reads_a_growing_table_without_a_key(examined: dict[str, dict[str, list[Scan]]], case: str) -> None:
    for name, scans in examined[case].items():
        unkeyed = [each for each in growing(scans) if not each.keyed and each.examined > 1]
        assert not unkeyed, f"{name}:\n{show(unkeyed)}"
        assert rows(growing(scans)) < MOST, f"{name} examines {rows(scans)} rows:\n{show(scans)}"


@in_soak
def test_a_year_of_history_changes_the_work_of_no_call(
    examined: dict[str, dict[str, list[Scan]]], postgres: Postgres
) -> None:
    for name, scans in scans_of(postgres, Case("quiet", days=365)).items():
        best = min(rows(each[name]) for each in examined.values())
        assert rows(scans) <= 3 * best + 600, (
            f"{name} examines {rows(scans)} rows, without a year {best}:\n{show(scans)}"
        )


def test_what_remains_is_bounded(world: World) -> None:
    """Day after day, the state has as many rows as the day before."""
    load_mesh(world, 20, at("2025-01-01 00:00"))
    sizes = []
    for number in range(16):
        now = SIX + timedelta(days=number)
        add_finished_days(world, TODAY + timedelta(days=number), 1)
        while (page := world.state.claim_archive_page(DAYS, ENTRIES, now, LEASE)).page:
            world.state.finish_archive_page(page.page, digest(world, page.page), "s3://a/b", now)
        world.state.delete_spent(DAYS, DAYS, DAYS, 10_000, now)
        sizes.append(
            {
                table: world.sql(f"SELECT count(*) FROM {table}")[0][0]
                for (table,) in world.sql(
                    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
                )
            }
        )
    assert sizes[0]["data_product_status"] == 60
    alerts = [
        sum(each.pop(table) for table in ("alert", "alert_delivery")) for each in sizes
    ]  # of the runs that failed, a few each day
    assert sizes[-1] == sizes[-2] == sizes[-3]
    assert alerts[-1] <= 2 * 6 * 60 / 10
    assert 5 * 60 <= sizes[-1]["data_product_status"] <= 6 * 60
