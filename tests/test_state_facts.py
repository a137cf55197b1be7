"""Facts that the database, the functions and the contracts of events state together are the same in each."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import effect_kinds
import job_run
from alerting import channels
from alerting.message import TITLES
from headgate.local import producer
from state import errors
from state.migrate import LOCK
from step_types import step_types
from tests.state_world import World

ROOT = Path(__file__).parent.parent
SQL = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "functions/state/transitions").glob("*.sql"))}
RUN_STATUSES = ["WAITING", "PROCESSING", "COMPLETED", "ERROR", "SKIPPED", "CANCELLED"]


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "events/schemas" / f"{name}.schema.json").read_text("utf-8"))
    return loaded


def allowed(world: World, constraint: str) -> set[str]:
    """The values that a CHECK constraint of the database allows."""
    ((text,),) = world.sql("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", constraint)
    return set(re.findall(r"'(\w+)'::text", text))


def test_statuses_of_runs(world: World) -> None:
    assert allowed(world, "data_product_status_status_check") == set(RUN_STATUSES)
    recorded = set(schema("outcome-recorder")["properties"]["status"]["enum"])
    assert recorded == set(RUN_STATUSES) - {"WAITING", "PROCESSING", "CANCELLED"}, "what a machine records"
    published = schema("refresh-event")["properties"]["detail"]["properties"]["status"]["enum"]
    assert allowed(world, "refresh_event_status_check") == set(published)


def test_detail_types_of_events(world: World) -> None:
    statuses = schema("refresh-event")["properties"]["detail"]["properties"]["status"]["enum"]
    kinds = dict(world.sql("SELECT s, detail_type(s) FROM unnest(%s::text[]) s", statuses))
    assert sorted(kinds.values()) == sorted(schema("refresh-event")["properties"]["detail-type"]["enum"])
    assert kinds == producer.DETAIL_TYPES


def test_kinds_of_alerts(world: World) -> None:
    kinds = set(schema("alert")["properties"]["kind"]["enum"])
    assert allowed(world, "alert_kind_check") == kinds == TITLES.keys()


def test_kinds_of_effects(world: World) -> None:
    assert allowed(world, "effect_kind_check") == effect_kinds.KINDS.keys()
    stored = set(
        re.findall(r"'(\w+)', r\.run_id, r\.attempt|THEN '(task_\w+)' ELSE '(task_\w+)'", "".join(SQL.values()))
    )
    assert {each for group in stored for each in group if each} == effect_kinds.KINDS.keys()


def test_states_of_job_runs(world: World) -> None:
    ends = {job_run.SUCCEEDED, job_run.FAILED, job_run.TIMEOUT, job_run.STOPPED}
    assert allowed(world, "job_run_state_check") == ends | {"STARTED"}
    assert set(schema("job-tracker")["properties"]["state"]["enum"]) == ends - {job_run.STOPPED}
    named = dict(world.sql("SELECT s, job_error(s) FROM unnest(%s::text[]) s", sorted(ends)))
    import job_tracker

    assert {state: raised.__name__ for state, raised in job_tracker.RAISED.items()} | {"SUCCEEDED": None} == named


def test_errors_that_sql_raises_have_their_class() -> None:
    raised = set(re.findall(r"(?:RAISE EXCEPTION|format\()\s*'([A-Z][A-Za-z]+): ", "".join(SQL.values())))
    assert raised == errors.RAISED.keys()


def test_each_advisory_lock_is_taken_in_one_function() -> None:
    numbers: dict[int, set[str]] = {LOCK: {"migrate"}}
    for text in SQL.values():
        for function, body in re.findall(
            r"^CREATE OR REPLACE FUNCTION (\w+)(.*?)^(?:END )?\$\$", text, re.DOTALL | re.MULTILINE
        ):
            for number in re.findall(r"pg_advisory\w*\((\d+)\b", body):
                numbers.setdefault(int(number), set()).add(function)
    assert all(len(functions) == 1 for functions in numbers.values()), numbers
    assert len(numbers) == 6
    assert sum(text.count("pg_advisory") for text in SQL.values()) == 6, "every one was seen"


def test_predicates_stand_once() -> None:
    text = "".join(SQL.values())
    assert text.count("extract(isodow") == 1, "in iso_weekday"
    assert len(re.findall(r"e\.status = ANY", text)) == 1, "in counts_for"
    assert "jsonb_path_exists" not in text


def test_predicates_are_inlined(world: World) -> None:
    """A predicate that PostgreSQL cannot inline is called for every row, and hides from the planner what it compares."""
    matching = "counts_for(e, d.statuses, d.account, d.required_date, d.not_before, d.cycle)"
    waiting = "data_product_dependencies_events_status d JOIN refresh_event e ON e.product_id = d.upstream"
    openings = "data_product_schedule s LEFT JOIN calendar c USING (calendar)"
    for query in (f"{waiting} AND {matching}", f"{openings} WHERE is_business_day(s.opened_until::date, c)"):
        plan = str(world.sql(f"EXPLAIN VERBOSE SELECT 1 FROM {query}"))
        assert "counts_for" not in plan
        assert "is_business_day" not in plan
        assert "is_day_off" not in plan
    runs = "data_product_status r CROSS JOIN LATERAL inputs_of(r.product_id, r.business_date, r.cycle) i"
    schedules = "data_product_schedule s CROSS JOIN LATERAL openings_of(s, s.opened_until, now()) o"
    of_a_date = "data_product_schedule s CROSS JOIN LATERAL openings_for(s, current_date) o"
    for query in (runs, schedules, of_a_date):
        assert "Function Scan on public.inputs_of" not in (
            plan := str(world.sql(f"EXPLAIN VERBOSE SELECT * FROM {query}"))
        )
        assert "openings_" not in plan


def test_errors_of_missing_inputs() -> None:
    assert issubclass(errors.UpstreamFailed, errors.DeadlineExceeded)
    for name in ("DeadlineExceeded", "UpstreamFailed"):
        assert f"'{name}'" in SQL["96_alert_causes.sql"]


def test_channels_are_those_of_the_product_schema() -> None:
    product = json.loads((ROOT / "generator/schemas/product.schema.json").read_text("utf-8"))
    properties = product["$defs"]["notification"]["properties"]
    assert {name for name, each in properties.items() if each.get("x-channel")} == channels.channels().keys()
    pages = {name for name, each in channels.channels().items() if each.PAGES}
    assert {name for name, each in properties.items() if each.get("x-pages")} == pages


@pytest.mark.parametrize("name", step_types())
def test_step_types_state_everything_and_as_the_generator_does(name: str) -> None:
    kind = step_types()[name]
    noted = json.loads((ROOT / f"generator/steps/{name}.schema.json").read_text("utf-8"))
    assert (noted["x-resource"], noted["x-arguments"]) == (kind.RESOURCE, kind.ARGUMENTS)
    event = noted.get("x-event") or noted.get("x-given-event", {})
    assert (event.get("source"), event.get("detail-type")) == (kind.SOURCE, kind.DETAIL_TYPE)
    for function in ("ended", "ask", "stop", "console"):
        assert callable(getattr(kind, function))
