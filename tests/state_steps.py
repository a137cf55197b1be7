"""Steps that stories about the state share."""

from dataclasses import asdict
from datetime import date, datetime
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


def publish(world: World, now: datetime, *others: World) -> list[str]:
    """Puts the events that are due by now on the bus, which brings them back, and to `others`; gives what they say, in order."""
    due = world.sql(
        "UPDATE effect SET done_at = %s WHERE kind = 'put_event' AND done_at IS NULL AND due_at <= %s RETURNING effect_id, payload -> 'detail'",
        now, now,
    )  # fmt: skip
    published = []
    for _, detail in sorted(due, key=lambda each: int(each[0])):
        name = f"{detail.pop('domain')}/{detail.pop('product')}"
        day = detail.pop("business_date")
        for each in (world, *others):
            each.event(name, day, now, **detail)
        published.append(f"{name} {detail['status']} {detail['attempt']}")
    return published


def state_of(world: World, name: str, date: str = TODAY) -> tuple[int, str, bool]:
    """The attempt, its status, and whether it was released."""
    run = world.run(name, date)
    return run["attempt"], run["status"], run["released_at"] is not None


def ends(world: World, name: str, status: str, now: datetime, attempt: int = 1, error: str | None = None) -> None:
    """The machine of the run begins its pipeline if it was released, records how the attempt ended, and publishes it."""
    run = uuid(world, name)
    if world.run(name, TODAY)["released_at"]:
        world.state.begin_pipeline(run, attempt, None, now)
    world.state.record_outcome(run, attempt, status, error, None, now, "machine")
    if status in ("COMPLETED", "ERROR"):
        world.event(name, TODAY, now, status=status, run_id=str(run), attempt=attempt)


def misses_deadline(world: World, name: str, policy: str, now: datetime, attempt: int = 1) -> str:
    """The decision, which the machine then records."""
    found = world.state.resolve_deadline(uuid(world, name), attempt, policy, now)
    if found.decision != "start":
        error = ("UpstreamFailed" if found.failed else "DeadlineExceeded") if found.decision == "fail" else None
        ends(world, name, "SKIPPED" if found.decision == "skip" else "ERROR", now, attempt, error)
    return found.decision


def happened(world: World, name: str, date: str = TODAY) -> list[str]:
    """The events of the run, in order."""
    query = "SELECT event, attempt FROM data_product_status_history WHERE product_id = %s AND business_date = %s ORDER BY history_id"
    return [f"{event} {attempt}" for event, attempt in world.sql(query, name, date)]
