"""Days that have passed, put into a state's tables at once: as many runs as a year leaves, without the calls of a year."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from state import catalog
from tests.state_world import SOAK, World, at, external, leaf, product

TODAY = date(2026, 11, 20)
SIX = at("2026-11-20 06:00")


@dataclass(frozen=True)
class Case:
    """When the statistics were taken, in a state of `days` days and a morning on which everything waits."""

    statistics: str
    days: int = 10
    plans: str = "auto"


CASES = {
    "empty": Case("empty"),
    "busy hour": Case("busy"),
    "generic plans": Case("quiet", plans="force_generic_plan"),
    **({"quiet hour": Case("quiet"), "never": Case("never")} if SOAK > 1 else {}),
}

# As the calls would have left them: a run in fifty failed, and what it waited for never came.
RUNS = """
    INSERT INTO data_product_status (product_id, business_date, status, opened_at, deadline_at, released_at, release_reason, started_at, finished_at,
        execution_arn, task_token, waiting_since, late_notified, event, changed_at, changed_by)
    SELECT product_id, day, CASE WHEN hashtext(product_id || day) %% 50 = 0 THEN 'ERROR' ELSE 'COMPLETED' END, day + interval '6 hours',
        day + interval '10 hours', day + interval '7 hours', 'the last input arrived', day + interval '7 hours', day + interval '8 hours',
        'arn:aws:states:us-east-1:123456789012:execution:' || product_id, 'token', day + interval '6 hours', true, 'completed', day + interval '8 hours', 'machine'
    FROM data_product, generate_series(%(first)s::date, %(last)s::date, interval '1 day') day WHERE machine IS NOT NULL"""
INPUTS = """
    INSERT INTO data_product_dependencies_events_status (run_id, leaf, cycle, upstream, statuses, required_date, max_age_seconds, not_before, status,
        event, event_key, arrived_at, changed_at)
    SELECT run_id, leaf, '*', upstream, statuses, CASE WHEN max_age_seconds IS NULL THEN business_date END, max_age_seconds,
        opened_at - make_interval(secs => max_age_seconds), CASE WHEN status = 'ERROR' OR max_age_seconds IS NOT NULL THEN 'WAITING' ELSE 'ARRIVED' END,
        'arrived', upstream || ' ' || business_date, opened_at, opened_at
    FROM data_product_status JOIN data_product_dependencies USING (product_id) WHERE business_date BETWEEN %(first)s AND %(last)s"""
EVENTS = """
    INSERT INTO refresh_event (event_key, product_id, business_date, cycle, status, run_id, attempt, refreshed_at, received_at, metadata)
    SELECT p.product_id || ' ' || day::date, p.product_id, day, '', 'COMPLETED', r.run_id, 1, day + interval '5 hours', day + interval '5 hours', '{}'
    FROM data_product p CROSS JOIN generate_series(%(first)s::date, %(last)s::date, interval '1 day') day
    LEFT JOIN data_product_status r ON r.product_id = p.product_id AND r.business_date = day"""
JOBS = """
    INSERT INTO job_run (job_run_id, run_id, attempt, step, job, state, started_at, ended_at, changed_at)
    SELECT 'jr ' || run_id, run_id, 1, 'build', 'j', 'SUCCEEDED', started_at, finished_at, finished_at
    FROM data_product_status WHERE business_date BETWEEN %(first)s AND %(last)s"""
EFFECTS = """
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at, done_at)
    SELECT kind || ' ' || run_id, kind, run_id, 1, '{}', opened_at, opened_at
    FROM data_product_status, unnest(ARRAY['start_execution', 'task_success', 'put_event']) kind WHERE business_date BETWEEN %(first)s AND %(last)s"""
ALERTS = """
    INSERT INTO alert (alert_key, run_id, product_id, attempt, kind, fact, root_cause, notified_at)
    SELECT 'ERROR ' || run_id, run_id, product_id, 1, 'ERROR', jsonb_build_object('business_date', business_date, 'kind', 'ERROR'), 'raw/r1', finished_at
    FROM data_product_status WHERE status = 'ERROR' AND business_date BETWEEN %(first)s AND %(last)s"""
DELIVERIES = """
    INSERT INTO alert_delivery (alert_key, channel, target, state, tries, message_id, outcome, changed_at)
    SELECT alert_key, 'slack', '#a', 'SENT', 1, '#a 1', 'delivered', notified_at FROM alert ON CONFLICT DO NOTHING"""


def load_mesh(world: World, count: int, now: datetime) -> dict[str, dict[str, Any]]:
    """`count` products that each wait for five of 50; 20 that wait for raw/trigger; 20 that take raw/slow of any day for it; some have an SLA."""
    raw = [f"raw/r{number}" for number in range(50)]
    promised: dict[str, Any] = {
        "sla": {"complete_by": "09:00"},
        "notify": [{"on": ["ERROR", "LATE"], "level": "product", "slack": ["#a"]}],
    }
    either = {"any_of": [leaf("raw/trigger"), leaf("raw/slow", max_age=86400)]}
    mesh: dict[str, dict[str, Any]] = {name: external() for name in [*raw, "raw/trigger", "raw/slow"]}
    mesh |= {
        f"d/x{n}": product([raw[(n + k) % 50] for k in range(5)], name=f"x{n}", **(promised if n % 2 else {}))
        for n in range(count)
    }
    mesh |= {f"d/w{n}": product("raw/trigger", name=f"w{n}") for n in range(20)}
    mesh |= {f"d/s{n}": product(either, name=f"s{n}") for n in range(20)}
    world.load(mesh, now)
    return mesh


def add_finished_days(world: World, before: date, days: int) -> None:
    """The `days` days before that date, on which every product of the mesh had a run."""
    span = {"first": before - timedelta(days), "last": before - timedelta(1)}
    for statement in (RUNS, INPUTS, EVENTS, JOBS, EFFECTS, ALERTS, DELIVERIES):
        world.direct().execute(statement.encode(), span if "%(first)s" in statement else None)


def morning(world: World, case: Case, count: int) -> None:
    """Every run of today waits for its inputs, its machine with a token; a fifth of them is being made."""
    mesh = load_mesh(world, count, at("2025-01-01 00:00"))
    stage(world, mesh | {"d/x2": mesh["d/x3"]}, without="d/x7")
    for (table,) in world.sql(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ):
        world.sql(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    if case.statistics == "empty":
        world.sql("ANALYZE")
    add_finished_days(world, TODAY, case.days)
    if case.statistics == "quiet":
        world.sql("VACUUM ANALYZE")
    world.sql("UPDATE data_product_schedule SET opened_until = %s", SIX - timedelta(hours=1))
    assert world.state.open_due_runs(SIX, "scheduler").opened == count + 40
    of_today = "business_date = %s AND status = 'WAITING'"
    world.sql(
        "UPDATE data_product_status SET task_token = 'token', waiting_since = %s, execution_arn = 'arn' || run_id, event = 'waiting' "
        f"WHERE {of_today}",
        SIX,
        TODAY,
    )
    made = f"{of_today} AND product_id ~ '^d/x[0-9]*[05]$'"
    world.sql(
        "UPDATE data_product_dependencies_events_status SET status = 'ARRIVED', event = 'arrived' "
        f"WHERE run_id IN (SELECT run_id FROM data_product_status WHERE {made})",
        TODAY,
    )
    world.sql(
        f"UPDATE data_product_status SET status = 'PROCESSING', released_at = opened_at, event = 'started' WHERE {made}",
        TODAY,
    )
    world.sql(
        "INSERT INTO job_run (job_run_id, run_id, attempt, step, job, state, started_at, changed_at, task_token) "
        "SELECT 'jr ' || run_id, run_id, 1, 'build', 'j', 'STARTED', opened_at, opened_at, 'token' "
        "FROM data_product_status WHERE status = 'PROCESSING'"
    )
    if case.statistics == "busy":
        world.sql("VACUUM ANALYZE")


def stage(world: World, mesh: dict[str, dict[str, Any]], without: str) -> None:
    """The mesh without one product lies ready for `load_catalog`."""
    content = {
        "domains": {},
        "calendars": {},
        "products": {name: each for name, each in mesh.items() if name != without},
    }
    for row in catalog.rows(content):
        world.sql(
            "INSERT INTO catalog_stage VALUES ('next', %s, %s, %s)",
            row["section"],
            row["key"],
            json.dumps(row["entry"]),
        )
