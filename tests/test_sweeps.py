"""A product that sweeps: each opening of its schedule takes the files that are there, and every file is of one opening."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from state.errors import StateError
from tests.state_files import land, positions, seen, statuses, sweeping
from tests.state_steps import DAY, LOADED, TODAY
from tests.state_world import World, at, daily, external, product, step

NOON, TWO, FOUR = (at(f"{TODAY} {each}") for each in ("12:00", "14:00", "16:00"))
BATCHES = {"max_files": 200, "max_bytes": "5GB", "parallel": 2, "tries": 1}
CHANGES = r"(?P<region>[A-Z]{2})_(?P<number>\d+)\.csv"
EU, US = "positions_EU.csv", "positions_US.csv"
Openings = dict[str, tuple[str, int]]


def load(world: World, depends_on: Any = None, batches: dict[str, Any] | None = None, **more: Any) -> None:
    settings = {"batches": {**BATCHES, **(batches or {})}}
    pipeline = {"timeout": None, "steps": [{**step("load"), "settings": settings}]}
    world.load(
        {"raw/accounts": external(), "raw/positions": {**sweeping(depends_on, **more), "pipeline": pipeline}}, LOADED
    )


def tick(world: World, now: datetime) -> Openings:
    """The scheduler's round; then each run with its status and how many files it has."""
    world.state.open_due_runs(now, "scheduler")
    return openings(world)


def openings(world: World) -> Openings:
    rows = world.sql(
        "SELECT cycle, status, (SELECT count(*)::integer FROM files_of_run(r)) FROM data_product_status r WHERE product_id = 'raw/positions'"
    )
    return {cycle: (status, files) for cycle, status, files in rows}


class Run:
    """The run of one opening, which goes through its step `load`."""

    def __init__(self, world: World, cycle: str) -> None:
        run = world.run("raw/positions", TODAY, cycle)
        self.world, self.cycle, self.id, self.attempt = world, cycle, UUID(str(run["run_id"])), run["attempt"]
        world.state.register_wait(self.id, self.attempt, f"token {self.id} {self.attempt}", "execution", FOUR)
        world.state.begin_pipeline(self.id, self.attempt, "execution", FOUR)
        self._entered = 0

    def plan(self) -> Any:
        self._entered += 1
        return self.world.state.plan_batches(self.id, self.attempt, "load", f"{self._entered}", FOUR)

    def files(self, batch: int) -> list[dict[str, Any]]:
        return [json.loads(each.entry)["file"] for each in self.world.state.batch_files(batch, "", 500)]

    def record(self, outcome: str = "PROCESSED") -> None:
        """All that is planned next ends so."""
        for each in self.plan().batches:
            lines = [{"file_id": file["file_id"], "outcome": outcome} for file in self.files(each["batch_id"])]
            self.world.state.record_batch(each["batch_id"], "jr_1", lines, FOUR)

    def end(self, outcome: str = "COMPLETED", error: str | None = None) -> dict[str, Any]:
        detail: dict[str, Any] = self.world.state.finish_attempt(
            self.id, self.attempt, outcome, error, None, FOUR
        ).detail
        return detail

    def complete(self) -> dict[str, Any]:
        self.record()
        return self.end()


def test_an_opening_takes_what_is_there_and_the_next_what_comes_later(world: World) -> None:
    load(world)
    land(world, [EU, US], NOON)
    assert tick(world, TWO) == {"1200": ("WAITING", 2), "1400": ("SKIPPED", 0)}
    land(world, ["positions_AP.csv"], TWO)
    assert tick(world, FOUR)["1600"] == ("WAITING", 1)
    assert world.run("raw/positions", TODAY, "1600")["release_reason"] == "everything had arrived"
    assert Run(world, "1200").complete()["metadata"] == {"files": 2, "rejected": 0, "generation": 1, "incomplete": []}
    assert [batch for (batch,) in world.sql("SELECT files FROM landing_batch")] == [2]


def test_an_opening_without_files_ends_skipped_and_nobody_is_told(world: World) -> None:
    load(
        world,
        "raw/accounts",
        notify=[{"on": ["SKIPPED", "ERROR", "COMPLETED"], "level": "product", "email": ["team@example.com"]}],
    )
    assert tick(world, NOON) == {"1200": ("SKIPPED", 0)}
    assert world.run("raw/positions", TODAY, "1200")["cause"] == "no file had landed since the opening before"
    assert world.sql("SELECT kind FROM effect") == [], "no machine, no refresh event, no alert"
    world.event("raw/accounts", TODAY, NOON)
    assert openings(world) == {"1200": ("SKIPPED", 0)}


def test_upstreams_are_waited_for_with_the_files_of_the_opening(world: World) -> None:
    load(world, "raw/accounts")
    land(world, [EU], NOON)
    tick(world, NOON)
    land(world, [US], NOON)
    assert world.run("raw/positions", TODAY, "1200")["released_at"] is None
    world.event("raw/accounts", TODAY, TWO)
    assert world.run("raw/positions", TODAY, "1200")["released_at"] is not None
    assert tick(world, TWO) == {"1200": ("WAITING", 1), "1400": ("WAITING", 1)}


def test_a_held_product_takes_its_files_and_starts_when_the_hold_ends(world: World) -> None:
    load(world)
    world.state.set_hold("raw/positions", None, "", True, "anna", NOON)
    land(world, [EU], NOON)
    assert tick(world, NOON) == {"1200": ("WAITING", 1)}
    world.state.set_hold("raw/positions", None, "", False, "anna", TWO)
    assert world.run("raw/positions", TODAY, "1200")["released_at"] is not None


def test_on_a_holiday_files_wait_for_the_next_opening(world: World) -> None:
    entry = sweeping(schedule=daily("12:00", calendar="us"))
    world.load({"raw/positions": entry}, LOADED, {"us": {"weekend": [], "dates": [TODAY]}})
    land(world, [EU], NOON)
    assert tick(world, FOUR) == {}
    assert statuses(world) == {EU: ["RECEIVED"]}
    world.state.open_due_runs(NOON + timedelta(days=1), "scheduler")
    assert openings(world) == {"": ("WAITING", 1)}


def test_of_two_versions_before_the_sweep_the_newer_is_taken(world: World) -> None:
    load(world)
    land(world, [EU], NOON, version="5A")
    land(world, [EU], NOON, version="59F")
    assert tick(world, NOON) == {"1200": ("WAITING", 1)}
    assert world.sql("SELECT version_id, cycle FROM landing_file ORDER BY version_id") == [
        ("v59F", ""),
        ("v5A", "1200"),
    ]
    assert statuses(world) == {EU: ["SUPERSEDED", "RECEIVED"]}


def test_a_newer_version_of_a_loaded_file_is_of_the_next_sweep_and_replaces_it(world: World) -> None:
    load(world)
    land(world, [EU], NOON, version="2")
    tick(world, NOON)
    Run(world, "1200").complete()
    land(world, [EU], TWO, version="3")
    land(world, [EU], TWO, version="1")
    assert tick(world, TWO) == {"1200": ("COMPLETED", 1), "1400": ("WAITING", 1)}
    assert statuses(world) == {EU: ["SUPERSEDED", "PROCESSED", "RECEIVED"]}, "an older one that comes late never wins"
    run = Run(world, "1400")
    (batch,) = run.plan().batches
    (file,) = run.files(batch["batch_id"])
    ((first,),) = world.sql("SELECT file_id FROM landing_file WHERE version_id = 'v2'")
    assert file["replaces"] == [first]


def test_what_was_loaded_is_loaded_again_unless_a_newer_version_has_come(world: World) -> None:
    load(world)
    land(world, [EU, US], NOON)
    tick(world, NOON)
    Run(world, "1200").complete()
    land(world, [EU], TWO, version="2")
    tick(world, TWO)
    Run(world, "1400").complete()
    again(world, all_files=True)
    Run(world, "1200").complete()
    loaded = "SELECT DISTINCT key FROM landing_file_history h JOIN landing_file USING (file_id) WHERE h.reason LIKE 'loaded again by%%'"
    assert world.sql(loaded) == [(f"custodian/positions/{US}",)]
    assert openings(world) == {"1200": ("COMPLETED", 2), "1400": ("COMPLETED", 1)}


def test_what_is_loaded_while_a_newer_version_comes_counts_for_its_run(world: World) -> None:
    load(world)
    land(world, [EU], NOON)
    tick(world, NOON)
    run = Run(world, "1200")
    (batch,) = run.plan().batches
    land(world, [EU], TWO, version="2")
    lines = [{"file_id": each["file_id"], "outcome": "PROCESSED"} for each in run.files(batch["batch_id"])]
    world.state.record_batch(batch["batch_id"], "jr_1", lines, FOUR)
    assert run.plan().files["files"] == 1
    run.end()
    assert tick(world, TWO) == {"1200": ("COMPLETED", 1), "1400": ("WAITING", 1)}


def test_a_newer_version_waits_until_the_older_is_loaded(world: World) -> None:
    load(world)
    land(world, [EU], NOON)
    tick(world, NOON)
    first = Run(world, "1200")
    (batch,) = first.plan().batches
    land(world, [EU], TWO, version="2")
    assert tick(world, TWO)["1400"] == ("SKIPPED", 0)
    assert world.run("raw/positions", TODAY, "1400")["cause"] == "1 file waits until older ones are loaded"
    world.state.fail_batch(batch["batch_id"], "JobFailed", "it crashed", TWO)
    assert first.plan().decision == "done", "the newer one is loaded in its place"
    first.end()
    assert tick(world, FOUR)["1600"] == ("WAITING", 1)
    assert statuses(world)[EU] == ["FAILED", "RECEIVED"]


def changes(world: World) -> Run:
    """The sweep at noon has two changes of EU and one of US; that of EU which came first is rejected."""
    load(world, batches={"order": ["number"], "together": ["region"]}, load="cdc", pattern=CHANGES)
    land(world, ["EU_1.csv", "EU_2.csv", "US_1.csv"], NOON)
    tick(world, NOON)
    run = Run(world, "1200")
    (batch,) = run.plan().batches
    outcomes = {"EU_1.csv": "REJECTED", "EU_2.csv": "SKIPPED", "US_1.csv": "PROCESSED"}
    files = run.files(batch["batch_id"])
    lines = [{"file_id": each["file_id"], "outcome": outcomes[each["key"].rsplit("/", 1)[-1]]} for each in files]
    world.state.record_batch(batch["batch_id"], "jr_1", lines, FOUR)
    return run


def test_where_changes_are_in_order_a_sweep_leaves_the_lanes_that_an_earlier_one_has_not_loaded(world: World) -> None:
    changes(world)
    land(world, ["EU_3.csv", "US_2.csv"], TWO)
    assert tick(world, TWO)["1400"] == ("WAITING", 1)
    assert world.sql("SELECT key LIKE '%%US_2.csv' FROM landing_file WHERE cycle = '1400'") == [(True,)]


def test_a_corrected_change_is_of_the_run_whose_lane_waits_for_it(world: World) -> None:
    run = changes(world)
    assert run.plan().decision == "rejected"
    run.end("ERROR", "FilesRejected")
    land(world, ["EU_1.csv"], TWO, version="2")
    assert world.run("raw/positions", TODAY, "1200")["attempt"] == 2, "it goes on by itself"
    Run(world, "1200").complete()
    assert statuses(world) == {
        "EU_1.csv": ["REJECTED", "PROCESSED"],
        "EU_2.csv": ["PROCESSED"],
        "US_1.csv": ["PROCESSED"],
    }
    land(world, ["EU_3.csv"], TWO)
    assert tick(world, TWO)["1400"] == ("WAITING", 1)


def test_a_newer_version_waits_until_the_job_of_a_cancelled_run_has_stopped(world: World) -> None:
    load(world)
    land(world, [EU], NOON)
    tick(world, NOON)
    run = Run(world, "1200")
    (batch,) = run.plan().batches
    handle = {"batch": batch["batch_id"]}
    world.state.record_job_start(run.id, 1, "load", "glue", "job-load", "jr_1", handle, "token", NOON)
    world.state.cancel_run("raw/positions", DAY, "1200", "wrong file", "anna", NOON)
    land(world, [EU], NOON, version="2")
    assert tick(world, TWO)["1400"] == ("SKIPPED", 0)
    world.sql("UPDATE job_run SET state = 'STOPPED'")
    assert tick(world, FOUR)["1600"] == ("WAITING", 1)


def test_what_a_run_has_not_loaded_stays_its_own(world: World) -> None:
    """A file that failed is loaded by a rerun of its run, and by no other."""
    load(world)
    land(world, [EU, US], NOON)
    tick(world, NOON)
    run = Run(world, "1200")
    run.record("FAILED")
    assert run.plan().decision == "failed"
    run.end("ERROR", "FilesFailed")
    assert tick(world, TWO)["1400"] == ("SKIPPED", 0)
    again(world)
    Run(world, "1200").complete()
    assert openings(world)["1200"] == ("COMPLETED", 2)


def again(world: World, **more: Any) -> None:
    """An operator has the run of noon run again."""
    request = {"action": "rerun", "product": "raw/positions", "business_date": TODAY, "cycle": "1200", **more}
    assert world.state.operate(request, False, None, "anna", TWO).result is not None


def retry(world: World) -> None:
    """The one file counts as it is."""
    ((file,),) = world.sql("SELECT file_id FROM landing_file")
    request = {"action": "retry_files", "files": [file], "reason": "it is right so"}
    assert world.state.operate(request, False, None, "anna", TWO).result is not None


def rejected(world: World) -> None:
    load(world)
    land(world, [EU], NOON)
    tick(world, NOON)
    run = Run(world, "1200")
    run.record("REJECTED")
    assert run.plan().decision == "rejected"
    run.end("ERROR", "FilesRejected")
    assert world.run("raw/positions", TODAY, "1200")["status"] == "ERROR"


def test_a_rejected_file_that_is_retried_starts_its_run_again(world: World) -> None:
    rejected(world)
    retry(world)
    assert world.run("raw/positions", TODAY, "1200")["attempt"] == 2
    Run(world, "1200").complete()
    assert statuses(world) == {EU: ["PROCESSED"]}


def test_a_rerun_waits_for_no_files_after_they_were_rejected(world: World) -> None:
    rejected(world)
    again(world)
    assert Run(world, "1200").complete()["metadata"]["generation"] == 2


def test_a_corrected_file_is_of_the_next_sweep_and_the_rerun_leaves_it_out(world: World) -> None:
    rejected(world)
    land(world, [EU], TWO, version="2")
    assert tick(world, TWO)["1400"] == ("WAITING", 1)
    again(world)
    run = Run(world, "1200")
    assert run.plan().decision == "done"
    run.end()
    Run(world, "1400").complete()
    assert statuses(world) == {EU: ["REJECTED", "PROCESSED"]}


def test_a_file_that_is_too_small_waits_for_nothing_until_it_is_retried(world: World) -> None:
    load(world)
    land(world, [EU], NOON, size=0)
    assert tick(world, NOON) == {"1200": ("SKIPPED", 0)}
    retry(world)
    assert tick(world, TWO)["1400"] == ("WAITING", 1)


def test_a_run_that_was_cancelled_keeps_its_files(world: World) -> None:
    load(world)
    land(world, [EU], NOON)
    tick(world, NOON)
    world.state.cancel_run("raw/positions", DAY, "1200", "wrong day", "anna", NOON)
    assert tick(world, TWO)["1400"] == ("SKIPPED", 0)
    again(world)
    assert openings(world)["1200"] == ("WAITING", 1)
    assert world.run("raw/positions", TODAY, "1200")["released_at"] is not None


def test_a_rerun_of_an_opening_that_found_nothing_takes_what_is_there(world: World) -> None:
    load(world)
    tick(world, NOON)
    with pytest.raises(
        StateError, match="raw/positions for 2026-11-20 1200 has no files: no file had landed since the opening before"
    ):
        again(world)
    land(world, [EU], NOON)
    again(world)
    Run(world, "1200").complete()
    assert tick(world, TWO) == {"1200": ("COMPLETED", 1), "1400": ("SKIPPED", 0)}


def test_a_cascade_leaves_openings_that_found_nothing_as_they_are(world: World) -> None:
    above = product(None, "06:00", name="accounts")
    world.load({"raw/accounts": above, "raw/positions": sweeping("raw/accounts")}, LOADED)
    world.state.open_due_runs(NOON, "scheduler")
    run = world.run("raw/accounts", TODAY)
    world.state.begin_pipeline(run["run_id"], 1, "execution", NOON)
    world.state.finish_attempt(run["run_id"], 1, "COMPLETED", None, None, NOON)
    land(world, [EU], NOON)
    world.state.rerun("raw/accounts", DAY, "", True, "rerun", "anna", TWO)
    assert openings(world) == {"1200": ("SKIPPED", 0)}


def test_after_an_outage_the_first_opening_takes_all(world: World) -> None:
    load(world)
    land(world, [EU, US], NOON)
    world.state.open_due_runs(at("2026-11-25 13:00"), "scheduler")
    with_files = "SELECT business_date::text, cycle, count(*)::integer FROM landing_file GROUP BY 1, 2"
    assert world.sql(with_files) == [("2026-11-22", "1400", 2)], "openings of more than three days ago are not made"
    assert {
        status
        for (status,) in world.sql(
            "SELECT status FROM data_product_status WHERE (business_date, cycle) > ('2026-11-22', '1400')"
        )
    } == {"SKIPPED"}
    assert world.sql("SELECT count(*) FROM unmade_opening") == [(0,)], "and nothing of theirs is lost"


def test_a_sweep_has_nothing_to_backfill(world: World) -> None:
    load(world)
    land(world, [EU], NOON)
    with pytest.raises(StateError, match="raw/positions sweeps: no past date has files of its own"):
        world.state.backfill("raw/positions", DAY, DAY, False, "anna", NOON)
    assert statuses(world) == {EU: ["RECEIVED"]}


def test_a_file_of_no_source_is_swept_once_it_has_one(world: World) -> None:
    world.load({"raw/positions": sweeping(prefix="elsewhere/")}, LOADED)
    source = sweeping()["files"]
    files = [{**each, "product_id": None} for each in [seen(source, EU, NOON)]]
    world.state.record_files(files, NOON)
    assert statuses(world) == {EU: ["UNMATCHED"]}
    world.load({"raw/positions": sweeping()}, TWO)
    (row,) = world.state.unmatched_files(50, TWO)
    ((file,),) = world.sql("SELECT file_id FROM landing_file")
    assert row
    world.state.rematch_files([{**seen(source, EU, NOON), "file_id": file}], TWO)
    assert tick(world, TWO) == {"1200": ("WAITING", 1), "1400": ("SKIPPED", 0)}


def test_a_product_that_sweeps_from_now_on_matches_its_files_again(world: World) -> None:
    """A set that no run has used is none any more, and the run that waited for it ends."""
    pattern = r"positions_(?P<region>[A-Z]{2})(_(?P<date>\d{8}))?\.csv"
    schedule = daily("12:00", "14:00", "16:00")
    world.load({"raw/positions": positions({"count": 3}, schedule=schedule, pattern=pattern)}, LOADED)
    land(world, ["positions_EU_20261120.csv"], NOON)
    world.state.open_due_runs(NOON, "scheduler")
    world.load({"raw/positions": sweeping(pattern=pattern)}, TWO)
    assert openings(world) == {"1200": ("SKIPPED", 0)}
    assert statuses(world) == {"positions_EU_20261120.csv": ["UNMATCHED"]}
    assert len(world.state.unmatched_files(50, TWO)) == 1
    assert world.state.next_ticks(TWO).look is not None, "the monitor looks at them at once"


def test_files_that_wait_for_no_sweep_any_more_are_matched_again(world: World) -> None:
    load(world)
    land(world, [EU], NOON)
    tick(world, NOON)
    land(world, [US], NOON)
    world.load({"raw/positions": positions({"count": 1}, schedule=daily("12:00", "14:00", "16:00"))}, TWO)
    assert statuses(world) == {EU: ["RECEIVED"], US: ["UNMATCHED"]}
    assert world.run("raw/positions", TODAY, "1200")["released_at"] is not None


def test_a_file_that_waits_is_not_deleted_with_what_is_as_old(world: World) -> None:
    load(world)
    land(world, [EU], NOON, size=0)
    land(world, [US], NOON)
    world.state.delete_spent(30, 7, 400, 100, NOON + timedelta(days=60))
    assert statuses(world) == {US: ["RECEIVED"]}
    world.load({"raw/accounts": external()}, NOON + timedelta(days=60))
    world.state.delete_spent(30, 7, 400, 100, NOON + timedelta(days=60))
    assert statuses(world) == {}
