"""What shadow asks and records reads by keys: neither the length of the history nor the statistics of PostgreSQL change that."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from headgate.local.postgres import Postgres
from tests.query_plans import OF_CATALOG, Explained
from tests.state_acting import Acting
from tests.state_history import CASES, SIX, TODAY, morning
from tests.state_world import at, new_world

pytestmark = pytest.mark.slow

LATER = at("2026-11-20 06:30")
COUNT = 200  # products
WATCHED = ["glue", "machine"]
JOB = {
    "job_run_id": "jr_1", "type": "glue", "job": "job-build", "product_id": "d/x5", "step": "build", "business_date": str(TODAY), "cycle": "",
    "state": "SUCCEEDED", "started_at": SIX.isoformat(), "ended_at": LATER.isoformat(), "problem": None,
}  # fmt: skip
CALLS: dict[str, Callable[[Acting], Any]] = {
    "shadow_page": lambda state: state.shadow_page(TODAY, TODAY, None, 300, "", 50, LATER),
    "shadow_page of a domain": lambda state: state.shadow_page(
        TODAY - timedelta(1), TODAY, "d", 300, f"{TODAY} d/x3", 50, LATER
    ),
    "unmatched_job_runs": lambda state: state.unmatched_job_runs(SIX, LATER, 50),
    "watched_steps": lambda state: state.watched_steps([{"type": "glue", "job": "nothing"}], "", 50),
    "record_existing_jobs": lambda state: state.record_existing_jobs([JOB], WATCHED, "111122223333", LATER),
}


@pytest.mark.parametrize("case", ["empty", "generic plans"])
def test_no_call_reads_a_growing_table_without_a_key(postgres: Postgres, case: str) -> None:
    with new_world(postgres) as world:
        morning(world, CASES[case], COUNT)
        world.sql("SET session_replication_role = replica")  # the days before were decided in shadow as well
        world.sql("UPDATE data_product_status SET shadow = true")
        world.sql(
            "INSERT INTO existing_run SELECT product_id, business_date, cycle, 'COMPLETED', 1, opened_at, opened_at, changed_at, changed_at "
            "FROM data_product_status WHERE business_date < %s",
            TODAY,
        )
        world.sql("INSERT INTO application_mode (shadow, since, changed_by) VALUES (true, now(), 'test')")
        session = Explained(world.dsn, plan_cache_mode=CASES[case].plans)
        for name, call in CALLS.items():
            call(session.state)
            found = [each for each in session.scans if each.table not in OF_CATALOG]
            unkeyed = [each for each in found if not each.keyed and each.examined > 1]
            assert not unkeyed, f"{name}:\n" + "\n".join(map(str, unkeyed))
            most = sum(each.examined for each in found)
            assert most <= 100 * COUNT, f"{name} examines {most} rows"
        session.connection.close()
