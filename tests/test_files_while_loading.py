"""Files that come while their run loads are loaded by it, and correct nothing; what comes after that is a correction."""

from datetime import timedelta
from typing import Any

import pytest

from tests.state_files import land, positions
from tests.state_loading import SETTINGS, Load, ids, names
from tests.state_steps import LOADED, SIX, TODAY
from tests.state_world import World, step

LATER, MUCH_LATER = SIX + timedelta(minutes=5), SIX + timedelta(hours=1)
EXTRA = "positions_EU_20261120_3of3.csv.gz"


def loading(world: World, on_correction: str, **more: Any) -> Load:
    """The step `load` of raw/positions, whose two files have landed; `more` is of the source."""
    load = Load(world, 2)
    steps = [{**step("load"), "settings": {"batches": SETTINGS}}]
    entry = {
        **positions({"count": 2}, on_correction=on_correction, **more),
        "pipeline": {"timeout": None, "steps": steps},
    }
    world.load({"raw/positions": entry}, LOADED)
    return load


def load_all(load: Load) -> None:
    while (planned := load.plan(now=LATER)).decision == "load":
        for batch in ids(planned):
            load.record(batch)


def completed(world: World, load: Load) -> tuple[Any, ...]:
    """The run completes. How it stands then, and what its refresh event says of its files."""
    event = world.state.record_metadata(load.run, load.attempt, load.plan(again=True).files)
    world.state.finish_attempt(load.run, load.attempt, "COMPLETED", None, None, LATER)
    world.state.settle_files(MUCH_LATER)
    run = world.run("raw/positions", TODAY)
    return run["status"], run["attempt"], run["outdated_at"] is not None, event["files"], event["generation"]


@pytest.mark.parametrize("settle", [0, 120, 1800])
@pytest.mark.parametrize("on_correction", ["rerun", "notify"])
def test_what_a_run_has_loaded_does_not_make_it_outdated(world: World, on_correction: str, settle: int) -> None:
    """Whether its set has settled meanwhile or not; and nobody is told that the run is outdated."""
    load = loading(world, on_correction, settle=settle)
    (batch,) = ids(load.plan())
    land(world, [EXTRA], SIX)
    world.state.settle_files(LATER)
    load.record(batch)
    load_all(load)
    assert load.counts() == {"PROCESSED": 3}
    assert completed(world, load) == ("COMPLETED", 1, False, 3, 2)
    assert world.sql("SELECT count(*) FROM data_product_status_history WHERE event = 'outdated'") == [(0,)]


def test_a_file_that_is_overwritten_while_it_is_loaded_is_no_correction(world: World) -> None:
    load = loading(world, "rerun")
    (batch,) = ids(load.plan())
    land(world, names(2)[:1], SIX, version="2")
    load.record(batch)
    load_all(load)
    assert completed(world, load) == ("COMPLETED", 1, False, 2, 2)


@pytest.mark.parametrize("settle", [0, 120])
def test_what_comes_after_the_last_plan_is_a_correction(world: World, settle: int) -> None:
    """Between the moment at which nothing is left and the record of the outcome."""
    load = loading(world, "rerun", settle=settle)
    load_all(load)
    land(world, [EXTRA], LATER)
    assert completed(world, load)[:2] == ("WAITING", 2)
    load.begin()
    load_all(load)
    assert load.counts() == {"PROCESSED": 3}
    assert completed(world, load) == ("COMPLETED", 2, False, 3, 2)


def test_a_file_that_is_still_missing_corrects_the_run_when_it_comes(world: World) -> None:
    """The good version of a file was replaced by an empty one while it was loaded: the set is incomplete when the run ends."""
    load = loading(world, "rerun")
    (batch,) = ids(load.plan())
    land(world, names(2)[:1], SIX, version="2", size=0)
    load.record(batch)
    load_all(load)
    world.state.finish_attempt(load.run, 1, "COMPLETED", None, None, LATER)
    assert world.run("raw/positions", TODAY)["status"] == "COMPLETED"
    land(world, names(2)[:1], LATER, version="3")
    assert world.run("raw/positions", TODAY)["attempt"] == 2


def test_a_run_that_is_lost_while_it_loads_goes_on_with_what_has_come(world: World) -> None:
    load = loading(world, "notify")
    (batch,) = ids(load.plan())
    land(world, [EXTRA], SIX)
    load.fail(batch)
    world.state.end_lost_machine(load.run, 1, "States.Runtime", "broke", True, 2, "monitor", LATER)
    load.begin()
    load_all(load)
    assert (load.attempt, load.counts()) == (2, {"PROCESSED": 3})
    assert completed(world, load) == ("COMPLETED", 2, False, 3, 2)
