"""Files that come after their date has started: the set arrives again, and `on_correction` says what becomes of the run."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.state_files import land, positions
from tests.state_steps import ARN, LOADED, SIX, TODAY
from tests.state_world import World, product

EU, US = (f"positions_{each}_20261120.csv.gz" for each in ("EU", "US"))
LATER = SIX + timedelta(hours=1)


def load(world: World, on_correction: str) -> None:
    """d/report needs d/risk, which needs the positions."""
    below = {"d/risk": product("raw/positions", None, name="risk"), "d/report": product("d/risk", None, name="report")}
    world.load({"raw/positions": positions({"count": 1}, on_correction=on_correction), **below}, LOADED)


def start(world: World, name: str) -> tuple[UUID, int]:
    run = world.run(name, TODAY)
    world.state.register_wait(run["run_id"], run["attempt"], f"token {name} {run['attempt']}", ARN, SIX)
    world.state.begin_pipeline(run["run_id"], run["attempt"], ARN, SIX)
    return run["run_id"], run["attempt"]


def complete(world: World, name: str) -> dict[str, Any]:
    """The run of today completes, and its refresh event comes back from the bus. Gives the event's metadata."""
    run, attempt = start(world, name)
    return finish(world, name, run, attempt)


def finish(world: World, name: str, run: UUID, attempt: int) -> dict[str, Any]:
    detail = world.state.finish_attempt(run, attempt, "COMPLETED", None, None, LATER).detail
    world.event(name, TODAY, LATER, run_id=str(run), attempt=attempt)
    metadata: dict[str, Any] = detail["metadata"]
    return metadata


def attempts(world: World) -> dict[str, tuple[int, str]]:
    return {
        name: (attempt, status)
        for name, attempt, status in world.sql("SELECT product_id, attempt, status FROM data_product_status")
    }


def refreshed(world: World, on_correction: str) -> None:
    load(world, on_correction)
    land(world, [EU], SIX)
    for name in ("raw/positions", "d/risk", "d/report"):
        complete(world, name)


def outdated(world: World) -> list[str]:
    return [
        name
        for (name,) in world.sql("SELECT product_id FROM data_product_status WHERE outdated_at IS NOT NULL ORDER BY 1")
    ]


def test_the_refresh_says_what_of_files_there_was(world: World) -> None:
    load(world, "notify")
    land(world, [EU], SIX)
    assert complete(world, "raw/positions") == {"files": 1, "rejected": 0, "generation": 1, "incomplete": []}


def test_notify_marks_the_run_and_runs_nothing_again(world: World) -> None:
    refreshed(world, "notify")
    land(world, [EU], LATER, version="2")
    assert outdated(world) == ["raw/positions"]
    assert attempts(world)["raw/positions"] == (1, "COMPLETED")
    assert world.sql("SELECT count(*) FROM effect WHERE effect_key LIKE 'alert OUTDATED%%'") == [
        (0,)
    ]  # nobody asks for it here


def test_ignore_changes_nothing(world: World) -> None:
    refreshed(world, "ignore")
    land(world, [EU], LATER, version="2")
    assert outdated(world) == []
    assert attempts(world)["raw/positions"] == (1, "COMPLETED")


def test_rerun_makes_the_product_again_and_its_users_are_outdated(world: World) -> None:
    refreshed(world, "rerun")
    land(world, [US], LATER)
    assert attempts(world)["raw/positions"] == (2, "WAITING")
    assert outdated(world) == ["d/risk"]
    assert complete(world, "raw/positions") == {"files": 2, "rejected": 0, "generation": 2, "incomplete": []}
    assert attempts(world) == {
        "raw/positions": (2, "COMPLETED"),
        "d/risk": (1, "COMPLETED"),
        "d/report": (1, "COMPLETED"),
    }


def test_a_file_that_is_reported_again_corrects_nothing(world: World) -> None:
    refreshed(world, "rerun")
    land(world, [EU], LATER)
    land(world, [EU], LATER, version="2", size=0)
    assert attempts(world)["raw/positions"] == (1, "COMPLETED")


def test_rerun_downstream_makes_everything_again_level_by_level(world: World) -> None:
    refreshed(world, "rerun_downstream")
    land(world, [EU], LATER, version="2")
    assert attempts(world)["raw/positions"] == (2, "WAITING")
    for name in ("raw/positions", "d/risk", "d/report"):
        complete(world, name)
    assert attempts(world) == dict.fromkeys(("raw/positions", "d/risk", "d/report"), (2, "COMPLETED"))
    assert outdated(world) == []
    reopened = world.sql(
        "SELECT payload #>> '{detail,product}', payload #> '{detail,cascade}' FROM effect WHERE effect_key LIKE '%%REOPENED' ORDER BY 1"
    )
    assert reopened == [("positions", True), ("report", True), ("risk", True)]


def test_a_correction_while_the_run_is_processing_is_remembered(world: World) -> None:
    load(world, "rerun")
    land(world, [EU], SIX)
    run, attempt = start(world, "raw/positions")
    land(world, [EU], SIX, version="2")
    assert attempts(world)["raw/positions"] == (1, "PROCESSING")
    finish(world, "raw/positions", run, attempt)
    assert attempts(world)["raw/positions"] == (2, "WAITING")
    assert world.run("raw/positions", TODAY)["released_at"] is not None
    assert complete(world, "raw/positions")["generation"] == 2
    assert attempts(world)["raw/positions"] == (2, "COMPLETED")


def test_a_correction_while_what_needs_it_is_processing_is_remembered(world: World) -> None:
    load(world, "rerun_downstream")
    land(world, [EU], SIX)
    complete(world, "raw/positions")
    run, attempt = start(world, "d/risk")
    land(world, [EU], LATER, version="2")
    complete(world, "raw/positions")
    assert attempts(world)["d/risk"] == (1, "PROCESSING")
    finish(world, "d/risk", run, attempt)
    assert attempts(world)["d/risk"] == (2, "WAITING")
    complete(world, "d/risk")
    complete(world, "d/report")
    assert attempts(world)["d/risk"] == (2, "COMPLETED")


def test_a_run_that_starts_at_its_deadline_takes_what_is_there_and_goes_on_once_the_rest_comes(world: World) -> None:
    wait = {"deadline": 3600, "on_deadline": "start"}
    entry = {**positions({"values": {"region": ["EU", "US"]}}, on_correction="rerun"), "wait": wait}
    world.load({"raw/positions": entry}, LOADED)
    land(world, [EU], SIX)
    run = world.run("raw/positions", TODAY)["run_id"]
    world.state.register_wait(run, 1, "token", ARN, SIX)
    decided = world.state.resolve_deadline(run, 1, "start", LATER)
    assert decided.decision == "start"
    assert decided.missing is not None
    assert [each["product"] for each in decided.missing] == ["raw/positions#files"]
    assert complete(world, "raw/positions") == {"files": 1, "rejected": 0, "generation": 1, "incomplete": ["US"]}
    land(world, [US], LATER)
    assert complete(world, "raw/positions") == {"files": 2, "rejected": 0, "generation": 2, "incomplete": []}


def test_files_that_come_after_the_deadline_has_failed_the_run_resume_it(world: World) -> None:
    load(world, "notify")
    world.load({"raw/positions": positions({"count": 2})}, LOADED)
    land(world, [EU], SIX)
    run = world.run("raw/positions", TODAY)["run_id"]
    world.state.register_wait(run, 1, "token", ARN, SIX)
    assert world.state.resolve_deadline(run, 1, "fail", LATER).decision == "fail"
    world.state.finish_attempt(run, 1, "ERROR", "DeadlineExceeded", None, LATER)
    land(world, [US], LATER)
    assert attempts(world)["raw/positions"] == (2, "WAITING")
    assert world.run("raw/positions", TODAY)["released_at"] is not None
