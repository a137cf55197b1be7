"""What is kept for good is kept once, and nothing is kept that nobody needs any more."""

import json

from tests.state_steps import ARN, DAY, LOADED, SIX, TODAY, opened, uuid
from tests.state_world import World, at, external, product


def whole_run(world: World) -> None:
    """d/x has completed, and everything that it made due is done."""
    world.load({"raw/a": external(), "d/x": product("raw/a", name="x")}, LOADED)
    opened(world)
    run, state, later = uuid(world, "d/x"), world.state, at("2026-11-20 07:00")
    state.register_wait(run, 1, "secret-wait", ARN, SIX)
    world.event("raw/a", TODAY, SIX)
    state.begin_pipeline(run, 1, ARN, SIX)
    state.record_job_start(run, 1, "build", "glue", "j", "jr", {}, "secret-job", SIX)
    state.record_metadata(run, 1, {"rows": 12})
    state.record_job_states([{"job_run_id": "jr", "job": "j", "state": "SUCCEEDED"}], later)
    state.record_outcome(run, 1, "COMPLETED", None, None, later, "machine")
    due = world.sql("SELECT effect_id FROM effect WHERE done_at IS NULL")
    state.finish_effects([{"effect_id": each, "outcome": "", "retry_seconds": None} for (each,) in due], later)


def test_no_task_token_is_kept_after_its_answer(world: World) -> None:
    whole_run(world)
    tables = world.sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    kept = [name for (name,) in tables if world.sql(f"SELECT 1 FROM {name} t WHERE t::text LIKE '%%secret-%%' LIMIT 1")]
    assert kept == []


def test_a_job_that_ends_before_its_token_comes_is_answered(world: World) -> None:
    """The token is dropped with the end of the job, and not before its answer is due."""
    world.load({"d/x": product(name="x")}, LOADED)
    opened(world)
    world.state.record_job_states([{"job_run_id": "jr", "job": "job-build", "state": "SUCCEEDED"}], SIX)
    world.state.record_job_start(uuid(world, "d/x"), 1, "build", "glue", "job-build", "jr", {}, "late-token", SIX)
    assert world.sql("SELECT payload ->> 'task_token' FROM effect WHERE kind = 'task_success'") == [("late-token",)]


def test_the_execution_is_stored_once_and_shown_with_each_change_after_it(world: World) -> None:
    whole_run(world)
    stored = world.sql("SELECT event FROM data_product_status_history WHERE execution_arn IS NOT NULL")
    assert stored == [("waiting",)]
    entries = [json.loads(row.entry) for row in world.state.history_page("d/x", DAY, DAY, "", 100, False)]
    changes = {each["status"]: each.get("execution_arn") for each in entries if each["kind"] == "run"}
    assert changes == {"WAITING": ARN, "PROCESSING": ARN, "COMPLETED": ARN}
