"""Steps that stories about the state share."""

from dataclasses import asdict
from datetime import date
from uuid import UUID

from tests.state_world import World, at

LOADED, SIX = at("2026-11-20 00:00"), at("2026-11-20 06:00")
TODAY = "2026-11-20"
DAY = date.fromisoformat(TODAY)
ARN = "arn:aws:states:us-east-1:1:execution:m:e"


def opened(world: World, now: str = "2026-11-20 06:00") -> dict[str, int]:
    found = world.state.open_due_runs(at(now), "scheduler")
    assert found.failed == []
    return {"due": found.due, "opened": found.opened}


def uuid(world: World, name: str, date: str = TODAY, cycle: str = "") -> UUID:
    found: UUID = world.run(name, date, cycle)["run_id"]
    return found


def wait(
    world: World, name: str, token: str = "token", attempt: int = 1, now: str = "2026-11-20 06:01"
) -> dict[str, object]:
    return asdict(world.state.register_wait(uuid(world, name), attempt, token, ARN, at(now)))


def effects(world: World, kind: str) -> list[dict[str, object]]:
    return [
        payload
        for (payload,) in world.sql(
            "SELECT payload FROM effect WHERE kind = %s AND done_at IS NULL ORDER BY effect_id", kind
        )
    ]


def complete(
    world: World, name: str, attempt: int = 1, status: str = "COMPLETED", now: str = "2026-11-20 08:00"
) -> None:
    run = uuid(world, name)
    if status == "COMPLETED":
        job = f"jr {name} {attempt}"
        world.state.record_job_start(run, attempt, "build", "glue", "j", job, {}, f"job {job}", at(now))
        world.state.record_job_states([{"job_run_id": job, "job": "j", "state": "SUCCEEDED"}], at(now))
    world.state.record_outcome(run, attempt, status, None, None, at(now), "machine")
