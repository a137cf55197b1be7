"""The work of a call follows from what it concerns: neither the statistics of PostgreSQL nor the length of the history change it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from alerting.channels import properties
from headgate.local.postgres import Postgres
from tests.query_plans import OF_CATALOG, Explained, Scan
from tests.state_acting import Acting
from tests.state_history import CASES, SIX, TODAY, Case, morning
from tests.state_world import SOAK, World, at, in_soak, new_world

pytestmark = pytest.mark.slow

LATER = at("2026-11-20 06:30")
Call = Callable[[Acting], Any]
Examined = dict[int, dict[str, dict[str, list[Scan]]]]


SIZES = (400, 200) if SOAK > 1 else (200,)  # products
ONE_READING = 600  # rows: every product of the mesh, once
# Statements that go through all that is open, by the indexes over it: the number of runs of the past is nothing to them.
OVER_OPEN_ROWS = {
    "data_product_status_open", "data_product_status_punctual", "job_run_unfinished", "effect_due", "effect_parked",
}  # fmt: skip
GOES_THROUGH_WHAT_IS_OPEN = (
    "repair", "load_catalog", "jobs_to_ask", "executions_to_ask", "outbox_health", "parked_effects", "retry_effects",
)  # fmt: skip


@pytest.fixture(scope="module")
def examined(postgres: Postgres) -> Examined:
    """The scans of every call, by the number of products and by case. A small state has plans of its own: reading it whole looks cheap."""
    return {count: {name: scans_of(postgres, case, count) for name, case in CASES.items()} for count in SIZES}


def scans_of(postgres: Postgres, case: Case, count: int) -> dict[str, list[Scan]]:
    with new_world(postgres) as world:
        morning(world, case, count)
        session = Explained(world.dsn, plan_cache_mode=case.plans)
        found = {}
        for name, call in calls(world).items():
            call(session.state)
            found[name] = session.scans
        session.connection.close()
        return found


def calls(world: World) -> dict[str, Call]:
    """Every call of the state that happens while a day runs, or that somebody asks."""
    runs: dict[str, UUID] = dict(
        world.sql("SELECT product_id, run_id FROM data_product_status WHERE business_date = %s", TODAY)
    )
    made, waiting = runs["d/x5"], runs["d/x2"]
    ((product, day, failed),) = world.sql(
        "SELECT product_id, business_date, run_id FROM data_product_status WHERE status = 'ERROR' ORDER BY business_date DESC, product_id LIMIT 1"
    )
    cancel = {"action": "cancel", "product": "d/x2", "business_date": str(TODAY)}
    end = {"job_run_id": f"jr {made}", "job": "j", "state": "SUCCEEDED"}
    late: dict[str, Any] = {
        "kind": "LATE",
        "level": "product",
        "product": "d/x3",
        "run_id": str(runs["d/x3"]),
        "business_date": str(TODAY),
    }
    late |= {"cycle": "", "attempt": 1, "status": "WAITING"}
    delivery = {"alert_key": f"ERROR {failed}", "channel": "slack", "target": "#a"}
    yesterday = TODAY - timedelta(1)
    ((position,),) = world.sql("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
    return {
        "opening": lambda state: state.open_due_runs(SIX + timedelta(1), "scheduler"),
        "event for 20 runs": lambda state: state.record_refresh_events(event("raw/trigger"), LATER),
        "event for one input of many": lambda state: state.record_refresh_events(event("raw/r1"), LATER),
        "event of which the latest counts": lambda state: state.record_refresh_events(event("raw/slow"), LATER),
        "event for nobody": lambda state: state.record_refresh_events(event("d/x5"), LATER),
        "register_wait": lambda state: state.register_wait(waiting, 1, "new", "arn", LATER),
        "resolve_deadline": lambda state: state.resolve_deadline(waiting, 1, "fail", LATER),
        "begin_pipeline": lambda state: state.begin_pipeline(made, 1, "arn", LATER),
        "record_outcome": lambda state: state.record_outcome(made, 1, "COMPLETED", None, None, LATER, "machine"),
        "record_job_start": lambda state: state.record_job_start(made, 1, "build", "glue", "j", "new", {}, "new", LATER),
        "record_job_states": lambda state: state.record_job_states([end], LATER),
        "request_stop": lambda state: state.request_stop(f"jr {made}", LATER),
        "open_runs_of": lambda state: state.open_runs_of([{"machine": "m_x1", "name": f"x1-{TODAY}-1"}]),
        "end_lost_machine": lambda state: state.end_lost_machine(
            made, 1, "States.Runtime", "", True, 2, "monitor", LATER
        ),
        "repair": lambda state: state.repair(LATER + timedelta(hours=3)),
        "claim_effects": lambda state: state.claim_effects(50, LATER, timedelta(minutes=2)),
        "claim_effects_due_since": lambda state: state.claim_effects_due_since(SIX, 50, LATER, timedelta(minutes=2)),
        "claim_effects_of_run": lambda state: state.claim_effects_of_run(waiting, 50, LATER, timedelta(minutes=2)),
        "retry_effects": lambda state: state.retry_effects(None, "ann", LATER),
        "outbox_health": lambda state: state.outbox_health(LATER),
        "products_with_errors": lambda state: state.products_with_errors("", 50, LATER),
        "changes_between": lambda state: state.changes_between("d/x3", SIX, SIX, "", 50),
        "parked_effects": lambda state: state.parked_effects("", 50),
        "jobs_to_ask": lambda state: state.jobs_to_ask(1, 80, False, LATER),
        "executions_to_ask": lambda state: state.executions_to_ask(1, 80, False, LATER),
        "record_asked": lambda state: state.record_asked(1, [f"jr {made}"], [str(made)]),
        "start_again": lambda state: state.start_again(waiting, 1, LATER),
        "finish_effects": lambda state: state.finish_effects(
            [{"effect_id": 1, "outcome": "", "retry_seconds": None}], LATER
        ),
        "rerun": lambda state: state.rerun(product, day, "", False, "rerun", "ann", LATER),
        "set_hold": lambda state: state.set_hold("d/x2", None, "", True, "ann", LATER),
        "skip_run": lambda state: state.skip_run("d/x2", TODAY, "", "ann", LATER),
        "cancel_run": lambda state: state.cancel_run("d/x2", TODAY, "", None, "ann", LATER),
        "operate": lambda state: state.operate(cancel, True, None, "ann", LATER),
        "finish_attempt": lambda state: state.finish_attempt(made, 1, "COMPLETED", None, None, LATER),
        "continue_backfills": lambda state: state.continue_backfills(LATER),
        "backfills": lambda state: state.backfills("", 50),
        "latest_date": lambda state: state.latest_date(None, LATER),
        "latest_date of a product": lambda state: state.latest_date("d/x3", LATER),
        "latest_date of an external product": lambda state: state.latest_date("raw/trigger", LATER),
        "status_of_day": lambda state: state.status_of_day(TODAY, None, "", 50, LATER),
        "status_of_products": lambda state: state.status_of_products(TODAY, None, ["d/x3", "raw/r1"], "", 50, LATER),
        "status_news": lambda state: state.status_news(TODAY, None, position),
        "snapshot_news": lambda state: state.snapshot_news({str(TODAY): position}, 3, LATER),
        "forecast_columns": lambda state: state.forecast_columns(TODAY, None, False, "", LATER),
        "describe_product": lambda state: state.describe_product("raw/trigger", LATER),
        "runs_page": lambda state: state.runs_page("d/x3", yesterday, TODAY, None, "", 50, LATER),
        "runs_page of all dates": lambda state: state.runs_page("d/x3", None, None, None, "", 60, LATER),
        "explain_run": lambda state: state.explain_run("d/x3", TODAY, None, LATER),
        "condition_of": lambda state: state.condition_of("d/x3", TODAY, None),
        "leaves_of_run": lambda state: state.leaves_of_run("d/x3", TODAY, None, "", 50, LATER),
        "alerts_page": lambda state: state.alerts_page(None, None, yesterday, yesterday, "", 50),
        "alerts_page of a product": lambda state: state.alerts_page("d/x3", None, yesterday, TODAY, "", 50),
        "mesh_page": lambda state: state.mesh_page("", 50),
        "freshness_page": lambda state: state.freshness_page(None, "", 50),
        "try_operation": lambda state: state.try_operation(cancel, LATER),
        "record_tick": lambda state: state.record_tick("monitor", LATER),
        "last_ticks": lambda state: state.last_ticks(),
        "search_products": lambda state: state.search_products(["x3"], "", 50),
        "current_load": lambda state: state.current_load(),
        "history_page of a product": lambda state: state.history_page("d/x3", yesterday, yesterday, "", 50, False),
        "history_page of all": lambda state: state.history_page(None, yesterday, yesterday, "", 50, False),
        "take_alert": lambda state: state.take_alert(late, properties(), LATER),
        "load_catalog": lambda state: state.load_catalog("next", "abc", LATER, False, "loader", LATER),
        "begin_delivery": lambda state: state.begin_delivery(*delivery.values(), False, LATER),
        "finish_deliveries": lambda state: state.finish_deliveries(
            [{**delivery, "state": "SENT", "outcome": "", "message_id": "1"}], LATER
        ),
    }  # fmt: skip


def event(product: str, moment: datetime = LATER) -> list[dict[str, Any]]:
    return [
        {
            "event_key": f"new {product}",
            "product_id": product,
            "business_date": str(TODAY),
            "cycle": "",
            "status": "COMPLETED",
            "refreshed_at": moment.isoformat(),
        }
    ]


def rows(scans: list[Scan]) -> int:
    return sum(each.examined for each in scans)


def growing(scans: list[Scan]) -> list[Scan]:
    """Those of tables that have more rows each day."""
    return [each for each in scans if each.table not in OF_CATALOG]


def show(scans: list[Scan]) -> str:
    return "\n".join(str(each) for each in sorted(scans, key=lambda each: -each.examined)[:5])


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("case", CASES)
def test_no_call_reads_a_growing_table_without_a_key(examined: Examined, case: str, count: int) -> None:
    for name, scans in examined[count][case].items():
        unkeyed = [
            each
            for each in growing(scans)
            if not each.keyed
            and each.examined > 1
            and not (name in GOES_THROUGH_WHAT_IS_OPEN and each.index in OVER_OPEN_ROWS)
        ]
        assert not unkeyed, f"{name}:\n{show(unkeyed)}"


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("case", CASES)
def test_statistics_change_the_work_of_no_call(examined: Examined, case: str, count: int) -> None:
    for name, scans in examined[count][case].items():
        best = min(rows(each[name]) for each in examined[count].values())
        assert rows(scans) <= 3 * best + ONE_READING, (
            f"{name} examines {rows(scans)} rows, at best {best}:\n{show(scans)}"
        )


@in_soak
@pytest.mark.parametrize("case", ["empty", "quiet", "busy"])
def test_a_year_of_history_changes_the_work_of_no_call(examined: Examined, postgres: Postgres, case: str) -> None:
    """A year of 440 products: 160,000 runs, 750,000 inputs, and as much in their histories."""
    for name, scans in scans_of(postgres, Case(case, days=365), 400).items():
        best = min(rows(each[name]) for each in examined[400].values())
        assert rows(scans) <= 3 * best + ONE_READING, (
            f"{name} examines {rows(scans)} rows, without a year {best}:\n{show(scans)}"
        )
