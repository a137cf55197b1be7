"""A preview is what then happens: random days, and for each operation the difference of the whole database beside its preview."""

import re
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.local.postgres import Postgres
from state.errors import StateError
from tests.state_steps import ARN, DAY, LOADED, SIX, TODAY, opened
from tests.state_world import SOAK, World, external, new_world, product

PRODUCTS = {
    "raw/a": external(),
    "d/x": product("raw/a", name="x", sla={"complete_by": "08:00"}, notify=[{"on": ["STARTED"], "level": "product"}]),
    "d/y": product(["d/x", "raw/a"], name="y"),
    "d/z": product("d/y", schedule=None, name="z"),
}
NAMES = [name for name in PRODUCTS if name != "raw/a"]
TABLES = {
    "data_product": "product_id",
    "data_product_status": "run_id",
    "data_product_dependencies_events_status": "run_id, leaf, cycle",
    "data_product_status_history": "history_id",
    "data_product_dependencies_events_status_history": "history_id",
    "data_product_hold_history": "hold_id",
    "refresh_event": "event_key",
    "job_run": "job_run_id",
    "effect": "effect_id",
}

steps = st.lists(
    st.tuples(st.sampled_from(["arrive", "wait", "begin", "job", "end", "fail", "publish", "operate"]), st.sampled_from(NAMES)),
    max_size=12,
)  # fmt: skip
requests = st.fixed_dictionaries(
    {"action": st.sampled_from(["rerun", "rerun", "hold", "release", "skip", "cancel", "waive"]), "product": st.sampled_from(NAMES)},
    optional={
        "business_date": st.just(TODAY), "downstream": st.booleans(), "reason": st.just("why not"),
        "input": st.sampled_from(["raw/a", "d/x", "d/y"]), "undo": st.booleans(),
    },
)  # fmt: skip


def everything(world: World) -> dict[str, list[Any]]:
    return {name: world.sql(f"SELECT to_jsonb(t) FROM {name} t ORDER BY {order}") for name, order in TABLES.items()}


def step(world: World, kind: str, name: str, moment: int) -> None:
    """Something that happens; what the state refuses does not happen."""
    now = SIX + timedelta(seconds=moment)
    if kind == "arrive":
        world.event("raw/a", TODAY, now)
        return
    run = next(iter(world.sql("SELECT run_id, attempt FROM data_product_status WHERE product_id = %s", name)), None)
    if run is None:
        return
    of_run, attempt = run
    with suppress(StateError):
        match kind:
            case "wait":
                world.state.register_wait(of_run, attempt, f"token {moment}", ARN, now)
            case "begin":
                world.state.begin_pipeline(of_run, attempt, ARN, now)
            case "job":
                world.state.record_job_start(
                    of_run, attempt, "build", "glue", "j", f"jr {moment}", {}, f"t {moment}", now
                )
            case "end" | "fail":
                world.state.record_outcome(
                    of_run, attempt, {"end": "COMPLETED", "fail": "ERROR"}[kind], None, None, now, "machine"
                )
            case "publish":
                world.event(name, TODAY, now, run_id=str(of_run), attempt=attempt)
            case _:
                world.state.rerun(name, DAY, "", False, "rerun", "bob", now)


def runs_of(tables: dict[str, list[Any]]) -> dict[str, Any]:
    return {row["run_id"]: row for (row,) in tables["data_product_status"]}


def difference(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> dict[str, Any]:
    """What a preview says, found by comparing the tables."""
    earlier, later = runs_of(before), runs_of(after)
    changed = [(earlier.get(key), row) for key, row in later.items() if earlier.get(key) != row]
    known = {row["effect_id"] for (row,) in before["effect"]}
    made = [row for (row,) in after["effect"] if row["effect_id"] not in known and row["done_at"] is None]
    runs = {row["run_id"] for _, row in changed}
    jobs = [row for (row,) in after["job_run"] if row["run_id"] in runs and row["state"] == "STARTED"]
    return {
        "runs": sorted(
            (row["product_id"], was and was["status"], row["status"], row["attempt"]) for was, row in changed
        ),
        "effects": Counter(row["kind"] for row in made),
        "stopped": {row["job_run_id"] for row in jobs if row["stop_asked_at"]},
    }


def said(preview: dict[str, Any]) -> dict[str, Any]:
    effects: Counter[str] = Counter()
    for each in preview["effects"]:
        effects[each["kind"]] += each["count"]
    return {
        "runs": sorted((each["product"], each.get("was"), each["status"], each["attempt"]) for each in preview["runs"]),
        "effects": effects,
        "stopped": {each["job_run_id"] for each in preview["jobs"] if "stopped" in each},
    }


@settings(
    max_examples=12 if SOAK == 1 else 25 * SOAK, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)  # fmt: skip
@given(happened=steps, asked=requests)
def test_a_preview_is_what_then_happens(
    postgres: Postgres, happened: list[tuple[str, str]], asked: dict[str, Any]
) -> None:
    with new_world(postgres) as world:
        world.load(PRODUCTS, LOADED)
        opened(world)
        for moment, (kind, name) in enumerate(happened):
            step(world, kind, name, moment)
        before, now = everything(world), SIX + timedelta(minutes=30)
        try:
            preview = world.state.operate(asked, True, None, "ann", now)
        except StateError as error:
            with pytest.raises(type(error), match=f"^{re.escape(str(error))}$"):
                world.state.operate(asked, False, None, "ann", now)
            return
        assert everything(world) == before, "a preview changes nothing"
        assert preview.changes is not None

        world.state.operate(asked, False, preview.digest, "ann", now)

        assert difference(before, everything(world)) == said(preview.changes)
