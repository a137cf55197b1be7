"""What loading in batches reads: what a call concerns, by index, also with plans that were made when the tables were empty."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.query_plans import Explained
from tests.state_acting import Acting
from tests.state_files import land
from tests.state_loading import JOB, Load, ids, names
from tests.state_steps import SIX
from tests.state_world import SOAK, World

FILES = 50_000 if SOAK > 1 else 2_000
BATCH = 200  # files


@pytest.mark.slow
def test_a_call_of_a_batch_reads_its_files_and_a_plan_each_file_a_few_times(world: World) -> None:
    load = Load(world, 1)
    session = Explained(world.dsn, plan_cache_mode="force_generic_plan")
    session.state.plan_batches(load.run, 1, "load", "moment", SIX)
    some = names(FILES)
    for start in range(0, FILES, 1000):
        land(world, some[start : start + 1000], SIX)
    first, second, third, *_ = ids(load.plan())
    load.record(first)
    lines = [{"file_id": each, "outcome": "PROCESSED"} for each in load.files(second)]
    calls: dict[str, tuple[Callable[[Acting], Any], float]] = {
        "header": (lambda state: state.batch_header(second), 0),
        "files": (lambda state: state.batch_files(second, "", 500), 2 * BATCH),
        "record": (lambda state: state.record_batch(second, JOB, lines, SIX), 6 * BATCH),
        "fail": (lambda state: state.fail_batch(third, "JobFailed", "it crashed", SIX), 6 * BATCH),
        "broken": (lambda state: state.broken_batches(load.run, "load", "another moment"), 0),
        "plan": (lambda state: state.plan_batches(load.run, 1, "load", "another moment", SIX), 6 * FILES),
    }
    for name, (call, most) in calls.items():
        call(session.state)
        found = [each for each in session.scans if each.table.startswith(("landing_", "job_run")) and each.examined]
        whole = [str(each) for each in found if each.node == "Seq Scan" and each.table != "landing_source"]
        assert whole == [], name
        assert sum(each.examined for each in found if each.table == "landing_file") <= most, name
    session.connection.close()
