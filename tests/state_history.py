"""Days that have passed, put into a state's tables at once: as many runs as a year leaves, without the calls of a year."""

from datetime import date, datetime, timedelta
from typing import Any

from tests.state_world import World, external, leaf, product

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
